//! `cargo xtask e2e`: the real SDKs against the real extension.
//!
//! # Layout
//! - [`server`]: the remote that all of them deliver to, with credentials and a tenant
//! - [`extension`]: the extension in dev mode, outside a Lambda
//! - [`script`]: a program under an SDK: what to run, what has to arrive of it
//! - [`python`], [`nodejs`]: their SDKs, installed at a pinned version
//! - [`rust`]: the sample function, in a Lambda environment

mod extension;
mod nodejs;
mod python;
mod rust;
mod script;
mod server;

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cargo::{Build, Workspace};
use crate::error::Error;
use crate::expected;
use extension::Extension;
use script::Script;

/// Run the real SDKs against the extension and check what arrives
#[derive(Debug, Args)]
pub(crate) struct E2e {
    /// Languages that must pass; without any: all that this machine can run
    languages: Vec<Language>,
    /// How long each program works
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    #[command(flatten)]
    build: Build,
}

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    Python,
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

// === impl E2e ===

impl E2e {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("e2e");
        fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
        let extension = self.build.extension()?;

        let mut outcomes = Vec::new();
        for language in self.languages() {
            println!("\n{language}");
            let outcome = match language {
                Language::Rust => self.rust(&extension, &folder).await,
                Language::Python => self.script(language, python::prepare(&folder).await, &extension).await,
                Language::Nodejs => self.script(language, nodejs::prepare(&folder).await, &extension).await,
            };
            outcomes.push((language, outcome));
        }
        summarise(&outcomes)
    }

    fn languages(&self) -> Vec<Language> {
        if self.languages.is_empty() { Language::value_variants().to_vec() } else { self.languages.clone() }
    }

    async fn rust(&self, extension: &Path, folder: &Path) -> Outcome {
        Outcome::of(rust::run(extension, folder, Duration::from_secs(self.seconds)).await)
    }

    /// Runs a script, where it could be prepared.
    async fn script(&self, language: Language, prepared: Result<Script, Error>, extension: &Path) -> Outcome {
        match prepared {
            Ok(script) => Outcome::of(self.deliver(&script, extension).await),
            Err(error) if self.languages.contains(&language) => Outcome::Failed(error.to_string()),
            Err(error) => Outcome::Skipped(error.to_string()),
        }
    }

    /// Runs the script beside the extension and checks what arrives.
    async fn deliver(&self, script: &Script, extension: &Path) -> Result<String, Error> {
        let remote = server::start().await?;
        let running = Extension::start(extension, &remote, &script.folder).await?;
        script.run(&running.url(), Duration::from_secs(self.seconds)).await?;
        let log = running.stop().await?;

        let arrivals = remote.arrivals();
        let mut wrong = script.expected.wrong(&arrivals);
        let sessions = expected::sessions(&arrivals);
        if sessions.len() > 1 {
            wrong.push(format!("one environment has several session ids: {sessions:?}"));
        }
        server::passed(&remote, script.name, wrong, log)
    }
}

fn summarise(outcomes: &[(Language, Outcome)]) -> Result<(), Error> {
    println!();
    for (language, outcome) in outcomes {
        match outcome {
            Outcome::Passed(what) => println!("{language}: passed, {what}"),
            Outcome::Skipped(why) => println!("{language}: SKIPPED, {why}"),
            Outcome::Failed(why) => println!("{language}: FAILED, {why}"),
        }
    }
    let failed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let wrong: Vec<String> = failed.map(|(language, _)| format!("{language} failed, as above")).collect();
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

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::Nodejs => "Node.js",
            Self::Rust => "Rust",
        })
    }
}
