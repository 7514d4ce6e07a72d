//! What can go wrong in a command, each with what to do about it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

/// How many lines of a log a failure shows.
const SHOWN_LINES: usize = 30;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// Something that the operating system refused.
    #[error("cannot {doing}")]
    Io {
        /// What was tried, as a phrase that follows "cannot".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that isn't on this machine, or can't be run.
    #[error("cannot run {program}; {hint}")]
    Missing {
        /// The program's name.
        program: String,
        /// How to get it.
        hint: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A program that ran and failed. Its own output says why, above.
    #[error("{command} failed with {status}; its output is above")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program that takes too long, and was ended.
    #[error("{command} took longer than {limit:?} and was ended")]
    TooLong {
        /// The program and its arguments.
        command: String,
        /// How long it may take.
        limit: Duration,
    },
    /// Tools that this machine lacks, and that nobody asked to install.
    #[error("this takes tools that are not here; `--install` runs what gets them:{}", listed(.0))]
    NotInstalled(Vec<String>),
    /// A fuzz target that isn't there.
    #[error("no fuzz target {target}; there are {}", known.join(", "))]
    NoFuzzTarget {
        /// What was asked for.
        target: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Programs that this machine lacks, and whose installation is nobody's but its owner's.
    #[error("this takes programs that are not here: apt-get install {}", .0.join(" "))]
    Packages(Vec<&'static str>),
    /// A package that was built without the binary that was asked for.
    #[error("cargo built {package}, but no binary of that name; does it have a src/main.rs?")]
    NoBinary {
        /// The package's name.
        package: String,
    },
    /// What a program answered isn't what it was asked for.
    #[error("cannot make sense of what {of} answered")]
    Unreadable {
        /// The program.
        of: &'static str,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// An extension that isn't fit to be measured.
    #[error("{extension}: {what}")]
    Unfit {
        /// The extension's file.
        extension: PathBuf,
        /// What it did, or didn't do.
        what: String,
    },
    /// A part of what was run, with what it wrote.
    #[error("{part} failed: {what}{}", indented(log))]
    Part {
        /// Which part.
        part: &'static str,
        /// What happened.
        what: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// What arrived isn't what had to.
    #[error("{run}: not as it has to be:{}{}", listed(.wrong), logged(.log.as_deref()))]
    Wrong {
        /// What was run.
        run: &'static str,
        /// Each fault, as a sentence.
        wrong: Vec<String>,
        /// What was written meanwhile.
        log: Option<PathBuf>,
    },
    /// A port that has to be free.
    #[error("somebody listens on port {0}, where peers do, too; stop that first")]
    PortTaken(u16),
    /// A figure over its budget.
    #[error("over budget: {}", .0.join("; "))]
    OverBudget(Vec<String>),
}

// === impl Error ===

impl Error {
    /// For `map_err`: `doing` is a phrase that follows "cannot".
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// For a part that wrote nothing beside its error.
    pub(crate) fn part(part: &'static str, what: &impl ToString) -> Self {
        Self::Part { part, what: what.to_string(), log: String::new() }
    }

    /// For what an extension did wrong.
    pub(crate) fn unfit(extension: &Path, what: impl Into<String>) -> Self {
        Self::Unfit { extension: extension.to_owned(), what: what.into() }
    }
}

fn indented(log: &str) -> String {
    log.lines().flat_map(|line| ["\n    ", line]).collect()
}

fn listed(wrong: &[String]) -> String {
    wrong.iter().flat_map(|what| ["\n  - ", what.as_str()]).collect()
}

/// The end of a log file, and where the whole is.
fn logged(log: Option<&Path>) -> String {
    let Some(log) = log else { return String::new() };
    let text = fs::read_to_string(log).unwrap_or_default();
    let from = text.lines().count().saturating_sub(SHOWN_LINES);
    let end: Vec<&str> = text.lines().skip(from).collect();
    format!("\n  The end of {}:{}", log.display(), indented(&end.join("\n")))
}
