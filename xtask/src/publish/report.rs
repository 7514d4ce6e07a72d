//! What came of publishing, as a table for release notes.

use std::fmt;

use super::release::Published;
use crate::error::Error;
use crate::layer::architecture::Architecture;

/// A line for each region and architecture.
#[derive(Debug, Default)]
pub(super) struct Report {
    published: Vec<(String, Architecture, String)>,
    failed: Vec<String>,
}

// === impl Report ===

impl Report {
    pub(super) fn add(
        &mut self,
        region: &str,
        architecture: Architecture,
        published: Result<Published, String>,
    ) {
        match published {
            Ok(published) => self.published.push((region.to_owned(), architecture, published.arn)),
            Err(what) => self.failed.push(format!("{region}, {architecture}: {what}")),
        }
    }

    /// A failure where anything failed, naming all of it.
    pub(super) fn outcome(self) -> Result<(), Error> {
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(Error::Wrong { run: "publishing", wrong: self.failed, log: None })
        }
    }
}

/// The table, in Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| region | architecture | layer |\n|---|---|---|")?;
        self.published.iter().try_for_each(|(region, architecture, arn)| {
            writeln!(f, "| {region} | {architecture} | `{arn}` |")
        })
    }
}
