//! Randomness, given by the caller: with the same throws, a simulation has the same history.

use std::fmt;

/// A source of random bits.
pub trait Random: fmt::Debug + Send + Sync {
    /// Any number, all equally likely.
    fn bits(&self) -> u64;
}

/// The operating system's.
#[derive(Clone, Copy, Debug)]
pub struct OsRandom;

// === impl OsRandom ===

impl Random for OsRandom {
    fn bits(&self) -> u64 {
        // What it is for is jitter: without any, things still work.
        getrandom::u64().unwrap_or_default()
    }
}
