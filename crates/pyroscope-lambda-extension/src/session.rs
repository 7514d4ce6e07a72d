//! The session id: what keeps environments apart that share every other label.

use std::fmt;

/// The name of the label that carries the session id.
pub const LABEL: &str = "__session_id__";

/// Sixteen lower-case hexadecimal digits, random for each environment.
///
/// The server drops the label, or maps it to one of a few sessions, as it is configured; a malformed one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

// === impl SessionId ===

impl SessionId {
    /// A new id from the operating system's random source.
    ///
    /// # Errors
    /// Where the operating system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(Self)
    }

    /// The id with the given bits, for tests.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
