//! A folder under `target` that sources are installed in beside what registries have, once for each version of either.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::step::Step;

/// The functions' sources.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e");

/// A folder that something is installed in and run from.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) folder: PathBuf,
    sources: PathBuf,
}

// === impl Workshop ===

impl Workshop {
    /// The folder for the function in `language`, with a fresh copy of `files`.
    pub(crate) fn open(e2e: &Path, language: &str, files: &[&str]) -> Result<Self, Error> {
        Self::copy(Path::new(SOURCES).join(language), e2e.join(language), files)
    }

    /// `folder`, with a fresh copy of these files of `sources`: the checkout stays as it is.
    pub(crate) fn copy(sources: PathBuf, folder: PathBuf, files: &[impl AsRef<Path>]) -> Result<Self, Error> {
        for file in files {
            let (from, to) = (sources.join(file), folder.join(file));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
            }
            fs::copy(&from, &to).map_err(Error::io(format!("copy {}", from.display())))?;
        }
        Ok(Self { folder, sources })
    }

    /// Runs `steps`, unless they were run to their end before for the same `lock` file.
    pub(crate) async fn install_once(&self, lock: &str, steps: Vec<Step>) -> Result<(), Error> {
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
        let venv = Step::new("python3", &["-m", "venv", "--clear", "venv"], hint);
        self.install_once("requirements.txt", vec![venv, Step::new(&interpreter, &pip, hint)]).await?;
        Ok(interpreter)
    }

    /// Runs one step in the folder; its output goes to the terminal.
    pub(crate) async fn run(&self, step: Step) -> Result<(), Error> {
        step.within(&self.folder).run().await
    }
}
