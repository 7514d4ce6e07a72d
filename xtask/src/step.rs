//! A program that installs or compiles something a command needs: shown to people, or run.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::Error;

/// How long a step may take that says nothing else: registries and compilers are slow at times.
const LIMIT: Duration = Duration::from_secs(900);

const APT: &str = "install the packages in another way where this is not Debian";

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct Step {
    program: OsString,
    args: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    folder: Option<PathBuf>,
    hint: &'static str,
    limit: Duration,
}

// === impl Step ===

impl Step {
    /// `program` with `args`; `hint` says how to get it.
    pub(crate) fn new(program: impl AsRef<OsStr>, args: &[&str], hint: &'static str) -> Self {
        let args = args.iter().map(OsString::from).collect();
        let program = program.as_ref().to_owned();
        Self { program, args, variables: Vec::new(), folder: None, hint, limit: LIMIT }
    }

    /// Another argument.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A variable of its environment.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Where it runs.
    pub(crate) fn within(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// How long it may take.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it, with its output on the terminal, and ends it when it takes too long.
    pub(crate) async fn run(&self) -> Result<(), Error> {
        println!("  {self}");
        let mut command = self.command();
        let status = match timeout(self.limit, command.status()).await {
            Ok(status) => status.map_err(|source| self.missing(source))?,
            Err(_) => return Err(Error::TooLong { command: self.to_string(), limit: self.limit }),
        };
        if status.success() { Ok(()) } else { Err(Error::Failed { command: self.to_string(), status }) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.variables.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn missing(&self, source: std::io::Error) -> Error {
        Error::Missing { program: self.program.to_string_lossy().into_owned(), hint: self.hint, source }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program.to_string_lossy())?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", arg.to_string_lossy()))
    }
}

/// The commands that install these packages of Debian.
pub(crate) fn from_debian(packages: &[&str]) -> Vec<Step> {
    let root = ask(OsStr::new("id"), &["-u"]).is_some_and(|user| user == "0");
    let apt = |args: &[&str]| {
        if root {
            Step::new("apt-get", args, APT)
        } else {
            Step::new("sudo", &[&["apt-get"], args].concat(), APT)
        }
    };
    let install = ["install", "--yes", "--no-install-recommends"];
    vec![apt(&["update", "--quiet"]), apt(&[&install, packages].concat())]
}

/// What a program answers, if it does.
pub(crate) fn ask(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = process::Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim_end().to_owned())
}
