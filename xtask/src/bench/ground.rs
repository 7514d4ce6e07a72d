//! What all sections have in common.

use std::io::Write as _;

use super::contender::{Contender, Kind};
use super::launch::Launch;

/// The programs, and the way to start them.
pub(super) struct Ground {
    pub(super) launch: Launch,
    /// The floor first, where there is one, then this project's.
    pub(super) contenders: Vec<Contender>,
    pub(super) effort: Effort,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Cold starts of each program.
    pub(super) starts: usize,
    /// Turns of everything else: in each the programs are measured one after the other, in processes of their own.
    pub(super) rounds: usize,
    /// Profiles in a turn.
    pub(super) profiles: usize,
}

// === impl Ground ===

impl Ground {
    /// Those that register with Lambda.
    pub(super) fn extensions(&self) -> impl Iterator<Item = &Contender> {
        self.contenders.iter().filter(|contender| contender.registers())
    }

    /// Those that take profiles.
    pub(super) fn relays(&self) -> impl Iterator<Item = &Contender> {
        self.contenders.iter().filter(|contender| contender.relays())
    }

    /// Those that have a queue.
    pub(super) fn queues(&self) -> impl Iterator<Item = &Contender> {
        self.contenders.iter().filter(|contender| contender.queues())
    }

    /// This project's.
    pub(super) fn ours(&self) -> impl Iterator<Item = &Contender> {
        self.contenders.iter().filter(|contender| contender.kind == Kind::Ours)
    }
}

/// Says on the terminal how far the bench is.
pub(super) fn progress(what: &str, done: usize, of: usize) {
    eprint!("\r\x1b[K{what}: {done} of {of}{}", if done >= of { "\n" } else { "" });
    // A terminal that is gone need not know.
    let _ = std::io::stderr().flush();
}
