//! What may stand behind `check`.

use std::ffi::OsString;

/// How to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Send no profile.
    pub dry_run: bool,
}

/// An argument that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}; write check or check --dry-run (--help tells more)")]
pub struct BadUsage(String);

// === impl Options ===

impl Options {
    /// Reads the arguments behind `check`.
    ///
    /// # Errors
    /// For any but `--dry-run`.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, BadUsage> {
        let mut options = Self::default();
        for argument in arguments {
            if argument != "--dry-run" {
                return Err(BadUsage(argument.to_string_lossy().into_owned()));
            }
            options.dry_run = true;
        }
        Ok(options)
    }
}
