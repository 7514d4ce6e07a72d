//! `cargo xtask publish`: the layers to every region, each version once, for everybody to use.
//!
//! # Layout
//! - [`aws`]: the AWS command line, as much of it as that takes
//! - [`release`]: what is published of one layer, in one region
//! - [`report`]: what came of it, as a table for release notes

mod aws;
mod release;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cargo::Workspace;
use crate::environment::EXTENSION;
use crate::error::Error;
use crate::layer::architecture::Architecture;
use crate::layer::files::{self, Files};
use aws::Aws;
use release::Release;
use report::Report;

/// Where layers are published unless something else is said.
const REGIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../release/regions.json");

/// Publish the layers that `cargo xtask layer` left to all regions, and print their ARNs
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// The AWS command line
    #[arg(long, value_name = "PROGRAM", default_value = "aws")]
    aws: PathBuf,
    /// A JSON list of regions
    #[arg(long, value_name = "FILE", default_value = REGIONS, hide_default_value = true)]
    regions: PathBuf,
    /// What the layers are called, before `-x86_64` and `-arm64`
    #[arg(long, default_value = EXTENSION)]
    name: String,
    /// Write the table of ARNs to this file, too
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

// === impl Publish ===

impl Publish {
    pub(crate) fn run(&self) -> Result<(), Error> {
        let files = Files::under(&Workspace::locate()?.target);
        let regions = regions(&self.regions)?;
        let releases = self.releases(&files)?;
        let aws = Aws::new(&self.aws);
        if self.dry_run {
            for region in &regions {
                for release in &releases {
                    release.commands(&aws, region).iter().for_each(|command| println!("{command}"));
                }
            }
            return Ok(());
        }
        let report = publish(&aws, &regions, &releases);
        print!("\n{report}");
        if let Some(table) = &self.table {
            fs::write(table, report.to_string()).map_err(Error::io(format!("write {}", table.display())))?;
        }
        report.outcome()
    }

    fn releases(&self, files: &Files) -> Result<Vec<Release>, Error> {
        let release = |architecture: Architecture| {
            let zip = files.zip(architecture);
            if !zip.exists() {
                return Err(Error::unfit(&zip, "is not there; `cargo xtask layer` makes it"));
            }
            let content = files::read(&zip)?;
            Ok(Release::new(&self.name, architecture, zip, &content))
        };
        Architecture::ALL.into_iter().map(release).collect()
    }
}

fn regions(file: &Path) -> Result<Vec<String>, Error> {
    let text = files::read(file)?;
    serde_json::from_slice(&text).map_err(|source| Error::Unreadable { of: "the list of regions", source })
}

/// Publishes everything everywhere; a region that fails does not keep the others from theirs.
fn publish(aws: &Aws, regions: &[String], releases: &[Release]) -> Report {
    let mut report = Report::default();
    for region in regions {
        for release in releases {
            let published = release.publish(aws, region);
            match &published {
                Ok(published) => println!("{region}, {}: {published}", release.architecture),
                Err(what) => eprintln!("{region}, {}: FAILED, {what}", release.architecture),
            }
            report.add(region, release.architecture, published);
        }
    }
    report
}

#[cfg(test)]
mod tests;
