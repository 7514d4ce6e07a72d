//! How far an attempt has come.

use std::sync::OnceLock;

use tokio::time::Instant;

/// What an attempt is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finds the remote and connects to it.
    Dialling,
    /// Agrees on TLS.
    Securing,
    /// Sends the request and waits for the answer.
    Asking,
}

/// When an attempt passed from one stage to the next: what a time-out cut off, and how long each took.
#[derive(Debug, Default)]
pub struct Progress {
    connected: OnceLock<Instant>,
    secured: OnceLock<Instant>,
}

// === impl Progress ===

impl Progress {
    /// There is a connection.
    pub(super) fn connect(&self) {
        let _ = self.connected.set(Instant::now());
    }

    /// It can carry the request.
    pub(super) fn secure(&self) {
        let _ = self.secured.set(Instant::now());
    }

    /// What the attempt is at, or was at when it ended.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match (self.connected(), self.secured()) {
            (_, Some(_)) => Stage::Asking,
            (Some(_), None) => Stage::Securing,
            (None, None) => Stage::Dialling,
        }
    }

    /// When there was a connection.
    #[must_use]
    pub fn connected(&self) -> Option<Instant> {
        self.connected.get().copied()
    }

    /// When it could carry the request.
    #[must_use]
    pub fn secured(&self) -> Option<Instant> {
        self.secured.get().copied()
    }
}
