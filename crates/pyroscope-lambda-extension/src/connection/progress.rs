//! How far an attempt has come.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What an attempt is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finds the server and connects to it, through a proxy where there is one.
    Dialling,
    /// Agrees on TLS.
    Securing,
    /// Sends the request and waits for the answer.
    Asking,
}

/// When an attempt passed from one stage to the next: what a time-out cut off, and how long each took.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    connected: Option<Instant>,
    secured: Option<Instant>,
}

// === impl Progress ===

impl Progress {
    /// A connection is to be opened.
    pub(super) fn dial(&self) {
        *self.times() = Times::default();
    }

    /// There is a connection.
    pub(super) fn connect(&self) {
        self.times().connected = Some(Instant::now());
    }

    /// It can carry the request.
    pub(super) fn secure(&self) {
        self.times().secured = Some(Instant::now());
    }

    /// There is one from an earlier request.
    pub fn reuse(&self) {
        self.connect();
        self.secure();
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
        self.times().connected
    }

    /// When it could carry the request.
    #[must_use]
    pub fn secured(&self) -> Option<Instant> {
        self.times().secured
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
