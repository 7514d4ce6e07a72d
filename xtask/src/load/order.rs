//! What an invocation of the load is to do: its payload.

use serde::{Deserialize, Serialize};

/// What an invocation is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Which load the profiles belong to.
    pub(crate) seed: u64,
    /// The number of the first profile.
    pub(crate) first: u64,
    /// How many profiles to post.
    pub(crate) profiles: u64,
    /// Over how many milliseconds to spread them.
    pub(crate) work_ms: u64,
    /// What to do then.
    pub(crate) then: Then,
}

/// How an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Then {
    /// As it should.
    Answer,
    /// Never, so that it times out.
    Hang,
    /// With the end of the process.
    Exit,
}

// === impl Order ===

impl Order {
    /// The payload.
    pub(crate) fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
