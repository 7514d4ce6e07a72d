//! A command that gets something a build needs: shown to people, or run.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::{self, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::Error;

const HINT: &str = "it gets what the build needs; install it, or get that another way";

/// How long Debian's servers may take for 120 MB.
pub(super) const APT_LIMIT: Duration = Duration::from_secs(900);

/// A program and its arguments.
#[derive(Debug)]
pub(super) struct Step(Vec<OsString>);

// === impl Step ===

impl Step {
    pub(super) fn new<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Self {
        Self(words.into_iter().map(|word| word.as_ref().to_owned()).collect())
    }

    /// Runs the command, whose output goes to the terminal, and ends it when it takes longer than `limit`.
    pub(super) async fn run(&self, limit: Duration) -> Result<(), Error> {
        eprintln!("  {self}");
        let (program, arguments) = self
            .0
            .split_first()
            .map_or((OsStr::new(""), &[][..]), |(program, rest)| (program.as_os_str(), rest));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        match timeout(limit, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Error::Failed { command: self.to_string(), status }),
            Ok(Err(source)) => {
                Err(Error::Missing { program: program.to_string_lossy().into_owned(), hint: HINT, source })
            }
            Err(_) => Err(Error::TooLong { command: self.to_string(), limit }),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|word| word.to_string_lossy()).collect();
        f.write_str(&words.join(" "))
    }
}

/// The commands that install these packages of Debian.
pub(super) fn from_debian(packages: &[&str]) -> Vec<Step> {
    let root = ask(OsStr::new("id"), &["-u"]).is_some_and(|user| user == "0");
    let sudo: &[&str] = if root { &[] } else { &["sudo"] };
    let install = ["apt-get", "install", "--yes", "--no-install-recommends"];
    vec![
        Step::new(sudo.iter().chain(&["apt-get", "update", "--quiet"])),
        Step::new(sudo.iter().chain(&install).chain(packages)),
    ]
}

/// What a program answers, if it does.
pub(super) fn ask(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = process::Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim_end().to_owned())
}
