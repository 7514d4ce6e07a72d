//! The AWS command line, as much of it as publishing a layer takes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

/// The program, as a user has it set up: credentials are its own business.
#[derive(Debug)]
pub(super) struct Aws {
    program: PathBuf,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'aws> {
    aws: &'aws Aws,
    args: Vec<String>,
}

/// Why a call failed, as a sentence.
#[derive(Debug)]
pub(super) enum Failure {
    /// What is asked for is there already.
    Conflict,
    Other(String),
}

// === impl Aws ===

impl Aws {
    pub(super) fn new(program: &Path) -> Self {
        Self { program: program.to_owned() }
    }

    /// A call of `aws lambda OPERATION` in a region.
    pub(super) fn lambda(&self, operation: &str, region: &str) -> Call<'_> {
        let args = ["lambda", operation, "--region", region, "--output", "json"].map(str::to_owned);
        Call { aws: self, args: args.into() }
    }
}

// === impl Call ===

impl Call<'_> {
    pub(super) fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.args.extend([format!("--{name}"), value.into()]);
        self
    }

    /// Makes the call; what it answers.
    pub(super) fn answer<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let mut command = Command::new(&self.aws.program);
        command.args(&self.args).stdin(Stdio::null());
        // Nobody is there to leaf through an answer.
        command.env("AWS_PAGER", "");
        let output =
            command.output().map_err(|error| Failure::Other(format!("cannot run {self}: {error}")))?;
        if output.status.success() {
            return serde_json::from_slice(&output.stdout)
                .map_err(|error| Failure::Other(format!("what {self} answered makes no sense: {error}")));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("(ResourceConflictException)") {
            return Err(Failure::Conflict);
        }
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        Err(Failure::Other(format!("{self}: {last}")))
    }
}

/// As one would type it.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.aws.program.display())?;
        self.args.iter().try_for_each(|arg| {
            if arg.contains([' ', '*']) { write!(f, " '{arg}'") } else { write!(f, " {arg}") }
        })
    }
}

// === impl Failure ===

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("it is there already"),
            Self::Other(what) => f.write_str(what),
        }
    }
}
