//! Programs from the Python Package Index, in pinned versions and a virtual environment of their own under `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::step::Step;

const HINT: &str = "install Python 3.9 or later with venv (Debian: python3-venv)";

/// A virtual environment.
#[derive(Debug)]
pub(crate) struct Venv {
    folder: PathBuf,
    packages: &'static [&'static str],
}

// === impl Venv ===

impl Venv {
    /// The one of this name under cargo's target directory, for these packages: `NAME==VERSION`.
    pub(crate) fn under(target: &Path, name: &str, packages: &'static [&'static str]) -> Self {
        Self { folder: target.join("tools").join(name), packages }
    }

    /// The folder of its programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// The commands that install it; none where it is.
    pub(crate) fn missing(&self) -> Vec<Step> {
        if fs::read_to_string(self.note()).is_ok_and(|installed| installed == self.packages.join(" ")) {
            return Vec::new();
        }
        let create = Step::new("python3", &["-m", "venv", "--clear"], HINT).arg(&self.folder);
        let quietly = ["install", "--quiet", "--disable-pip-version-check"];
        let install = Step::new(self.program("pip"), &[&quietly, self.packages].concat(), HINT);
        vec![create, install]
    }

    /// Installs it, where it isn't.
    pub(crate) async fn install(&self) -> Result<(), Error> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        for step in missing {
            step.run().await?;
        }
        let note = self.note();
        fs::write(&note, self.packages.join(" ")).map_err(Error::io(format!("write {}", note.display())))
    }

    /// Says what was installed, once it is whole.
    fn note(&self) -> PathBuf {
        self.folder.join("installed")
    }
}
