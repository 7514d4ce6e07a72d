//! What every language, and every tool in Python, installs: its sources beside what the registry has, once for each version of either.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::Error;

/// The sources.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e");

/// A folder under `target` that a function or a tool is installed in and run from.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) folder: PathBuf,
    sources: PathBuf,
}

/// An installer or a compiler.
#[derive(Debug)]
pub(crate) struct Step {
    program: OsString,
    args: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    hint: &'static str,
}

// === impl Workshop ===

impl Workshop {
    /// The folder for `language`, with a fresh copy of `files`: the checkout stays as it is.
    pub(crate) fn open(e2e: &Path, language: &str, files: &[&str]) -> Result<Self, Error> {
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
    pub(crate) async fn install_once(&self, lock: &str, steps: &[Step]) -> Result<(), Error> {
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

    /// Installs the folder's `requirements.txt` in a virtual environment of Python's; gives the interpreter there.
    pub(crate) async fn virtual_environment(&self, hint: &'static str) -> Result<PathBuf, Error> {
        let interpreter = self.folder.join("venv/bin/python");
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
            "requirements.txt",
        ];
        let steps = [
            Step::new("python3", &["-m", "venv", "--clear", "venv"], hint),
            Step::new(&interpreter, &pip, hint),
        ];
        self.install_once("requirements.txt", &steps).await?;
        Ok(interpreter)
    }

    /// Runs one step in the folder; its output goes to the terminal.
    pub(crate) async fn run(&self, step: &Step) -> Result<(), Error> {
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
    pub(crate) fn new(program: impl AsRef<OsStr>, args: &[&str], hint: &'static str) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program: program.as_ref().to_owned(), args, variables: Vec::new(), hint }
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
}
