//! `cargo xtask examples`: each example, and the workflows, through the tools that a user has, as far as they run without an
//! account.
//!
//! # Layout
//! - [`tools`]: the tools, at pinned versions
//! - [`sam`], [`cdk`], [`terraform`], [`serverless`], [`image`], [`workflows`]: what is done to each
//! - [`template`]: what has to be in a `CloudFormation` template
//! - [`hcl`]: what has to be in a configuration of Terraform

mod cdk;
mod hcl;
mod image;
mod sam;
mod serverless;
mod template;
mod terraform;
mod tools;
mod workflows;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::cargo::Workspace;
use crate::error::Error;
use crate::workshop::Workshop;
use tools::Tools;

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A layer, as an example is told it.
const LAYER: &str =
    "extensionLayer=arn:aws:lambda:eu-central-1:123456789012:layer:pyroscope-lambda-extension-arm64:1";

/// Check the examples with the tools of their kind
#[derive(Debug, Args)]
pub(crate) struct Examples {
    /// Examples that must pass; without any: all that this machine can check
    names: Vec<Example>,
}

/// An example, or what else is checked like one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Example {
    Sam,
    Cdk,
    Terraform,
    Serverless,
    Image,
    Workflows,
}

/// Where examples are checked.
struct Place {
    tools: Tools,
    /// The folder of all examples, under `target`.
    folder: PathBuf,
}

// === impl Examples ===

impl Examples {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let target = Workspace::locate()?.target;
        let place = Place { tools: Tools::install(&target).await?, folder: target.join("examples") };
        let all = Example::value_variants();
        let mut summary = Vec::new();
        let mut wrong = Vec::new();
        for example in if self.names.is_empty() { all } else { &self.names } {
            println!("\n{}", example.name());
            let since = Instant::now();
            let checked = example.check(&place).await;
            let seconds = since.elapsed().as_secs();
            let outcome = match checked {
                Ok(()) => format!("passed, {seconds} s"),
                // Nobody asked for it by name.
                Err(error @ Error::Missing { .. }) if self.names.is_empty() => format!("SKIPPED, {error}"),
                Err(error) => {
                    wrong.push(format!("{}: {error}", example.name()));
                    "FAILED".to_owned()
                }
            };
            summary.push(format!("{}: {outcome}", example.name()));
        }
        println!("\n{}", summary.join("\n"));
        if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "the examples", wrong, log: None }) }
    }
}

// === impl Example ===

impl Example {
    /// The name of its folder, and on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Sam => "sam",
            Self::Cdk => "cdk",
            Self::Terraform => "terraform",
            Self::Serverless => "serverless",
            Self::Image => "image",
            Self::Workflows => "workflows",
        }
    }

    async fn check(self, place: &Place) -> Result<(), Error> {
        match self {
            Self::Sam => sam::check(place).await,
            Self::Cdk => cdk::check(place).await,
            Self::Terraform => terraform::check(place).await,
            Self::Serverless => serverless::check(place).await,
            Self::Image => image::check(place).await,
            Self::Workflows => workflows::check(place).await,
        }
    }
}

// === impl Place ===

impl Place {
    /// A fresh copy of these files of an example, beside what was installed for it before.
    fn workshop(&self, example: &str, files: &[&str]) -> Result<Workshop, Error> {
        Workshop::copy(Path::new(ROOT).join("examples").join(example), self.folder.join(example), files)
    }
}

/// Fails where something is wrong with an example, naming all of it.
fn outcome(wrong: Vec<String>) -> Result<(), Error> {
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "the function", wrong, log: None }) }
}
