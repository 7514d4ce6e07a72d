//! The session id: what keeps environments apart that share every other label.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of the label that carries the session id.
pub const LABEL: &str = "__session_id__";

/// Sixteen lower-case hexadecimal digits, random for each environment.
///
/// The server drops the label, or maps it to one of a few sessions, as it is configured; a malformed one is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

/// The session id in force.
///
/// It changes once at most: under SnapStart every environment is a clone of one snapshot, so that the id made during
/// init is the same in all of them until the first invocation.
#[derive(Debug)]
pub struct Session(AtomicU64);

// === impl SessionId ===

impl SessionId {
    /// A new id from the operating system's random source.
    ///
    /// # Errors
    /// Where the operating system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(Self)
    }

    /// The id with the given bits.
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

// === impl Session ===

impl Session {
    /// A session that starts with the given id.
    #[must_use]
    pub const fn new(SessionId(bits): SessionId) -> Self {
        Self(AtomicU64::new(bits))
    }

    /// The id in force.
    #[must_use]
    pub fn id(&self) -> SessionId {
        SessionId(self.0.load(Ordering::Relaxed))
    }

    /// Puts another id in force, for every upload that is sent from now on.
    pub fn renew(&self, SessionId(bits): SessionId) {
        self.0.store(bits, Ordering::Relaxed);
    }
}
