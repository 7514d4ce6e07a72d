//! What there is to measure.

use clap::ValueEnum;
use serde::Serialize;

/// A part of the bench: a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Section {
    /// Spawn to first poll, at full CPU and at the share of a small function
    Start,
    /// What the SDK waits for, and CPU time a profile
    Relay,
    /// Resident memory at the first poll and at most
    Memory,
    /// What is added to a handler
    Handler,
    /// What is delivered in a shutdown
    Drain,
    /// Whether memory, latency and CPU time grow with the queue or with invocations
    Growth,
}

// === impl Section ===

impl Section {
    pub(super) const ALL: [Self; 6] =
        [Self::Start, Self::Relay, Self::Memory, Self::Handler, Self::Drain, Self::Growth];

    /// What `--only` calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Relay => "relay",
            Self::Memory => "memory",
            Self::Handler => "handler",
            Self::Drain => "drain",
            Self::Growth => "growth",
        }
    }

    /// The heading of its table.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Start => "Start, until the first /event/next",
            Self::Relay => "Relay of profiles of 20 KB",
            Self::Memory => "Resident memory",
            Self::Handler => "A handler that computes for 20 ms",
            Self::Drain => "Shutdown within 1.4 s",
            Self::Growth => "Growth",
        }
    }
}
