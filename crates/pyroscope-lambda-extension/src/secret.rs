//! Secrets: text that is never shown, and the places that one may be kept in.
//!
//! # Layout
//! - [`arn`]: names of secrets at AWS
//! - [`fault`]: why one can't be read, each with what to do about it

pub mod arn;
pub mod fault;

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use self::arn::SecretArn;

/// Text that must never be shown: its `Debug` is `…`, and it has no `Display`. Its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Where the value of a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was set as it is.
    Plain(Secret),
    /// It is kept elsewhere.
    Kept(Reference),
}

/// The place that a secret is kept in, with the variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The variable's name.
    pub variable: &'static str,
    /// The place.
    pub place: Place,
}

/// A place that a secret is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// Secrets Manager or the Parameter Store.
    Aws(SecretArn),
}

// === impl Secret ===

impl Secret {
    /// Takes a text out of sight.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

// === impl Reference ===

impl fmt::Display for Reference {
    /// As it was set: `VARIABLE="place"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "{}={:?}", self.variable, path.display()),
            Place::Aws(arn) => write!(f, "{}=\"{arn}\"", self.variable),
        }
    }
}
