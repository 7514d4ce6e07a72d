//! Builds what a command needs, and says where it is.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;
use serde::Deserialize;

use crate::error::Error;

const HINT: &str = "is Rust installed? https://rustup.rs";

/// A binary to build.
pub(crate) struct Binary {
    package: &'static str,
    /// The binary's name.
    name: &'static str,
    profile: &'static str,
    /// Settings for `--config`.
    config: &'static [&'static str],
}

/// Which build of the extension a command runs.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Run this build of the extension instead of making one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The release build of the extension, as it is shipped.
const EXTENSION: Binary = Binary {
    package: "pyroscope-lambda-extension",
    name: "pyroscope-lambda-extension",
    profile: "release",
    config: &[],
};

/// An extension beside which ours has to live: the sandbox's own, which does as it is told.
pub(crate) const ANOTHER_EXTENSION: Binary =
    Binary { package: "lambda-sandbox", name: "sandbox-test-extension", profile: "dev", config: &[] };

/// The sample function: optimised as a user's would be, but without the minutes that link-time optimisation takes.
pub(crate) const SAMPLE_FUNCTION: Binary = Binary {
    package: "sample-function",
    name: "sample-function",
    profile: "sample",
    config: &[
        r#"profile.sample.inherits="release""#,
        "profile.sample.lto=false",
        "profile.sample.codegen-units=16",
    ],
};

/// Where cargo puts things, as `cargo metadata` tells.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// Honours `CARGO_TARGET_DIR` and cargo's configuration.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

/// The one kind of cargo's JSON messages that names a binary.
#[derive(Debug, Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
}

// === impl Build ===

impl Build {
    /// The extension to run: the one that was asked for, else a release build.
    pub(crate) fn extension(&self) -> Result<PathBuf, Error> {
        match &self.binary {
            Some(binary) => Ok(binary.clone()),
            None => EXTENSION.build(),
        }
    }
}

// === impl Binary ===

impl Binary {
    /// Builds the binary and returns its path. Cargo's own progress and errors go to the terminal.
    pub(crate) fn build(&self) -> Result<PathBuf, Error> {
        eprintln!("Building {} ({})", self.name, self.profile);
        let mut command = cargo();
        command
            .args(["build", "--package", self.package, "--bin", self.name, "--profile", self.profile])
            .arg("--message-format=json-render-diagnostics")
            .args(self.config.iter().flat_map(|setting| ["--config", setting]))
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|source| missing_cargo(&command, source))?;

        let mut binary = None;
        if let Some(messages) = child.stdout.take() {
            for line in BufReader::new(messages).lines() {
                let line = line.map_err(Error::io("read what cargo answers"))?;
                if let Ok(Artifact { executable: Some(path) }) = serde_json::from_str(&line) {
                    binary = Some(path);
                }
            }
        }
        let status = child.wait().map_err(Error::io("wait for cargo"))?;
        if !status.success() {
            return Err(Error::Failed { command: format!("cargo build --package {}", self.package), status });
        }
        binary.ok_or_else(|| Error::NoBinary { package: self.package.to_owned() })
    }
}

// === impl Workspace ===

impl Workspace {
    /// Asks cargo.
    pub(crate) fn locate() -> Result<Self, Error> {
        let metadata = ask(&["metadata", "--no-deps", "--format-version", "1"])?;
        serde_json::from_str(&metadata).map_err(|source| Error::Unreadable { of: "cargo metadata", source })
    }
}

/// What cargo answers. Its errors go to the terminal.
pub(crate) fn ask(arguments: &[&str]) -> Result<String, Error> {
    let mut command = cargo();
    command.args(arguments).stderr(Stdio::inherit());
    let output = command.output().map_err(|source| missing_cargo(&command, source))?;
    if !output.status.success() {
        return Err(Error::Failed {
            command: format!("cargo {}", arguments.join(" ")),
            status: output.status,
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What this machine is called as a target, such as `x86_64-unknown-linux-gnu`.
pub(crate) fn host() -> Result<String, Error> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut command = Command::new(rustc);
    command.args(["--print", "host-tuple"]);
    let output = command.output().map_err(|source| missing_cargo(&command, source))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The cargo that runs this: the same toolchain builds everything.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

fn cargo() -> Command {
    let mut command = Command::new(program());
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

fn missing_cargo(command: &Command, source: std::io::Error) -> Error {
    Error::Missing { program: command.get_program().to_string_lossy().into_owned(), hint: HINT, source }
}
