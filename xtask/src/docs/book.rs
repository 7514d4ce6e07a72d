//! The site, made by mdBook.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::step::{Step, ask};

/// The version that is installed where there is none.
const VERSION: &str = "0.5.4";

const HINT: &str = "it comes with Rust: https://rustup.rs";

/// mdBook and what it makes.
#[derive(Debug)]
pub(super) struct Book {
    tools: PathBuf,
    /// The folder of the site.
    site: PathBuf,
}

// === impl Book ===

impl Book {
    /// With tools and site under cargo's target directory.
    pub(super) fn under(target: &Path) -> Self {
        Self { tools: target.join("tools"), site: target.join("book") }
    }

    fn program(&self) -> PathBuf {
        let own = self.tools.join("bin/mdbook");
        if own.exists() { own } else { "mdbook".into() }
    }

    /// Installs mdBook, where it isn't.
    pub(super) async fn install(&self) -> Result<(), Error> {
        if ask(self.program().as_os_str(), &["--version"]).is_some() {
            return Ok(());
        }
        // Without optimisation: it takes half as long to build, and the site is small.
        let arguments = [
            "install",
            "mdbook",
            "--version",
            VERSION,
            "--locked",
            "--quiet",
            "--debug",
            "--no-default-features",
        ];
        let step = Step::new("cargo", &arguments, HINT);
        step.arg("--features").arg("search").arg("--root").arg(&self.tools).run().await
    }

    /// Makes the site of the pages under `root`; a warning is an error. Says where it begins.
    pub(super) fn build(&self, root: &Path) -> Result<PathBuf, Error> {
        let mut command = Command::new(self.program());
        command.arg("build").arg(root.join("docs")).arg("--dest-dir").arg(&self.site);
        let output = command.output().map_err(|source| Error::Missing {
            program: "mdbook".to_owned(),
            hint: "run `cargo xtask docs --install`",
            source,
        })?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaints = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        let wrong: Vec<String> = complaints.map(str::to_owned).collect();
        if !wrong.is_empty() {
            return Err(Error::Wrong { run: "the site", wrong, log: None });
        }
        if !output.status.success() {
            eprint!("{said}");
            return Err(Error::Failed { command: "mdbook build".to_owned(), status: output.status });
        }
        Ok(self.site.join("index.html"))
    }
}
