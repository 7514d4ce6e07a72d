//! What every language installs: its sources beside what the registry has, once for each version of either.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::Error;

/// The functions' sources.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e");

/// A folder under `target/e2e` that a function is installed in and run from.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) folder: PathBuf,
    sources: PathBuf,
}

/// An installer or a compiler.
#[derive(Debug)]
pub(super) struct Step {
    program: OsString,
    args: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    hint: &'static str,
}

// === impl Workshop ===

impl Workshop {
    /// The folder for `language`, with a fresh copy of `files`: the checkout stays as it is.
    pub(super) fn open(e2e: &Path, language: &str, files: &[&str]) -> Result<Self, Error> {
        let workshop = Self { folder: e2e.join(language), sources: Path::new(SOURCES).join(language) };
        for file in files {
            let (from, to) = (workshop.sources.join(file), workshop.folder.join(file));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
            }
            fs::copy(&from, &to).map_err(Error::io(format!("copy {}", from.display())))?;
        }
        Ok(workshop)
    }

    /// Runs `steps`, unless they were run to their end before for the same `lock` file.
    pub(super) async fn install_once(&self, lock: &str, steps: &[Step]) -> Result<(), Error> {
        let lock = self.sources.join(lock);
        let wanted = fs::read(&lock).map_err(Error::io(format!("read {}", lock.display())))?;
        let installed = self.folder.join("installed");
        if fs::read(&installed).ok().as_ref() == Some(&wanted) {
            return Ok(());
        }
        for step in steps {
            self.run(step).await?;
        }
        fs::write(&installed, wanted).map_err(Error::io(format!("write {}", installed.display())))
    }

    /// Runs one step in the folder; its output goes to the terminal.
    pub(super) async fn run(&self, step: &Step) -> Result<(), Error> {
        let words: Vec<_> =
            [&step.program].into_iter().chain(&step.args).map(|word| word.to_string_lossy()).collect();
        let command = words.join(" ");
        println!("  {command}");
        let mut child = Command::new(&step.program);
        child.args(&step.args).envs(step.variables.iter().cloned()).current_dir(&self.folder);
        let status = child.status().await.map_err(|source| Error::Missing {
            program: step.program.to_string_lossy().into_owned(),
            hint: step.hint,
            source,
        })?;
        if status.success() { Ok(()) } else { Err(Error::Failed { command, status }) }
    }
}

// === impl Step ===

impl Step {
    /// `program` with `args`; `hint` says how to get it.
    pub(super) fn new(program: impl AsRef<OsStr>, args: &[&str], hint: &'static str) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program: program.as_ref().to_owned(), args, variables: Vec::new(), hint }
    }

    /// Another argument.
    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// A variable of its environment.
    pub(super) fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }
}
