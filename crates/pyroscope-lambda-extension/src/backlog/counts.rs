//! How uploads end.

/// How many uploads came, and how each ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken from an SDK, which was told 200.
    pub accepted: u64,
    /// Taken from the spool of an earlier process.
    pub recovered: u64,
    /// The remote has it.
    pub delivered: u64,
    /// The remote refused it for good.
    pub refused: u64,
    /// It grew older than [`super::MAX_AGE`].
    pub expired: u64,
    /// It was pushed out by newer ones when memory was full.
    pub evicted: u64,
    /// Left to the next process at shutdown.
    pub spooled: u64,
    /// Not even that was possible at shutdown.
    pub lost: u64,
    /// Attempts that failed and were to be tried again.
    pub retried: u64,
    /// Body bytes of what was delivered.
    pub delivered_bytes: u64,
}
