//! `cargo xtask e2e`: real functions, with their languages' real runtime clients and Pyroscope SDKs, beside the extension.
//!
//! # Layout
//! - [`trial`]: one life of a function, frozen between its invocations, and what is checked of it
//! - [`server`]: the remote that all of them deliver to, with credentials and a tenant
//! - [`account`]: the extension's own account of the profiles
//! - [`jfr`]: what is in the recordings of Java
//! - [`subject`]: a function that is ready to run
//! - [`python`], [`nodejs`], [`go`], [`java`], [`rust`]: the languages, all at pinned versions

mod account;
mod go;
mod java;
mod jfr;
mod nodejs;
mod python;
mod rust;
mod server;
mod subject;
mod trial;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cargo::{ANOTHER_EXTENSION, Build, Workspace};
use crate::error::Error;
use subject::Subject;
use trial::Trial;

/// How long a function is invoked in each of its variants: what the slowest SDK takes for its first upload, and some more.
const VARIANT: Duration = Duration::from_secs(5);

/// Run real functions under the Pyroscope SDKs beside the extension and check what arrives
#[derive(Debug, Args)]
pub(crate) struct E2e {
    /// Languages that must pass; without any: all that this machine can run
    languages: Vec<Language>,
    /// How long each function is invoked
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Run each function without any extension and beside a second one, too
    #[arg(long)]
    variants: bool,
    /// Set a variable for the functions, such as `UPLOAD_SECONDS=10`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
    #[command(flatten)]
    build: Build,
}

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Go,
    Python,
    Java,
    Nodejs,
    Rust,
}

/// What became of one language.
enum Outcome {
    Passed(String),
    /// This machine can't run it, and nobody asked for it by name.
    Skipped(String),
    Failed(String),
}

/// What the functions run beside.
struct Surroundings {
    extension: PathBuf,
    /// Another extension, for the variants.
    other: Option<PathBuf>,
    /// The folder of all languages.
    folder: PathBuf,
}

// === impl E2e ===

impl E2e {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("e2e");
        fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
        let other = if self.variants { Some(ANOTHER_EXTENSION.build()?) } else { None };
        let surroundings = Surroundings { extension: self.build.extension()?, other, folder };

        let mut outcomes = Vec::new();
        for language in self.languages() {
            println!("\n{language}");
            for (run, outcome) in self.outcomes(language, &surroundings).await {
                outcomes.push((format!("{language}{run}"), outcome));
            }
        }
        summarise(&outcomes)
    }

    fn languages(&self) -> Vec<Language> {
        if self.languages.is_empty() { Language::value_variants().to_vec() } else { self.languages.clone() }
    }

    async fn outcomes(
        &self,
        language: Language,
        surroundings: &Surroundings,
    ) -> Vec<(&'static str, Outcome)> {
        let subject = match language.prepare(&surroundings.folder).await {
            Ok(subject) => subject,
            Err(error) if self.languages.contains(&language) => {
                return vec![("", Outcome::Failed(error.to_string()))];
            }
            Err(error) => return vec![("", Outcome::Skipped(error.to_string()))],
        };
        let folder = surroundings.folder.join(language.folder());
        let trial = Trial {
            subject: &subject,
            extension: Some(&surroundings.extension),
            others: &[],
            variables: &self.variables,
            busy: Duration::from_secs(self.seconds),
            folder: &folder,
        };
        let mut outcomes = vec![("", Outcome::of(trial.run().await))];
        if let Some(other) = &surroundings.other {
            println!("\n{language}, without any extension");
            let alone = Trial { extension: None, busy: VARIANT, ..trial };
            outcomes.push((", without any extension", Outcome::of(alone.run().await)));
            println!("\n{language}, beside a second extension");
            let two = Trial { others: std::slice::from_ref(other), busy: VARIANT, ..trial };
            outcomes.push((", beside a second extension", Outcome::of(two.run().await)));
        }
        outcomes
    }
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("no =; write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn summarise(outcomes: &[(String, Outcome)]) -> Result<(), Error> {
    println!();
    for (run, outcome) in outcomes {
        match outcome {
            Outcome::Passed(what) => println!("{run}: passed, {what}"),
            Outcome::Skipped(why) => println!("{run}: SKIPPED, {why}"),
            Outcome::Failed(why) => println!("{run}: FAILED, {why}"),
        }
    }
    let failed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let wrong: Vec<String> = failed.map(|(run, _)| format!("{run} failed, as above")).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Wrong { run: "the end-to-end tests", wrong, log: None })
    }
}

// === impl Outcome ===

impl Outcome {
    fn of(result: Result<String, Error>) -> Self {
        match result {
            Ok(what) => Self::Passed(what),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

// === impl Language ===

impl Language {
    /// Installs what the language needs, where it isn't yet.
    async fn prepare(self, e2e: &Path) -> Result<Subject, Error> {
        match self {
            Self::Go => go::prepare(e2e).await,
            Self::Python => python::prepare(e2e).await,
            Self::Java => java::prepare(e2e).await,
            Self::Nodejs => nodejs::prepare(e2e).await,
            Self::Rust => rust::prepare(e2e),
        }
    }

    /// The name of its folder, of sources as of what is made of them.
    const fn folder(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Python => "python",
            Self::Java => "java",
            Self::Nodejs => "nodejs",
            Self::Rust => "rust",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Go => "Go",
            Self::Python => "Python",
            Self::Java => "Java",
            Self::Nodejs => "Node.js",
            Self::Rust => "Rust",
        })
    }
}
