//! A function under an SDK: how it is run, and what has to arrive of it.

use crate::environment::Function;
use crate::expected::Expected;

/// Labels that the functions give their profiles.
pub(super) const LABELS: &[(&str, &str)] = &[("region", "local"), ("team", "checkout")];

/// A function that is ready to run.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) function: Function,
    pub(super) expected: Expected,
    pub(super) format: Format,
}

/// What its profiles are read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The server decodes it.
    Decoded,
    /// Java Flight Recorder: the JDK reads it.
    Jfr,
}
