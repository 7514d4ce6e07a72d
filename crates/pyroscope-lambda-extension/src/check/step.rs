//! What was tried and what was found.

use std::time::Duration;

use crate::remote::fault::Fault;

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// None where it was told from another step's answer, or not tried.
    pub(super) took: Option<Duration>,
    pub(super) finding: Finding,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// All is well.
    Fine(String),
    /// It works, but there is something to be said.
    Doubtful(String),
    /// It does not work.
    Failed {
        found: String,
        /// What was said in so many words: by the remote, or by the system.
        said: Option<String>,
        cure: Option<&'static str>,
    },
    /// It was not tried, and why.
    Skipped(&'static str),
}

/// How many steps ended badly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) failed: usize,
    pub(super) doubtful: usize,
}

// === impl Step ===

impl Step {
    pub(super) const SETTINGS: &str = "settings";
    pub(super) const PROXY: &str = "proxy";
    pub(super) const SECRET: &str = "secret";
    pub(super) const NAME: &str = "name";
    pub(super) const CONNECTION: &str = "connection";
    pub(super) const TLS: &str = "TLS";
    pub(super) const SERVER: &str = "server";
    pub(super) const CREDENTIALS: &str = "credentials";
    pub(super) const CLOCK: &str = "clock";
    pub(super) const PROFILE: &str = "profile";

    /// Those that come after the settings.
    pub(super) const AFTER_SETTINGS: [&str; 7] = [
        Self::NAME,
        Self::CONNECTION,
        Self::TLS,
        Self::SERVER,
        Self::CREDENTIALS,
        Self::CLOCK,
        Self::PROFILE,
    ];
    /// Those that come after the name.
    pub(super) const AFTER_NAME: [&str; 6] =
        [Self::CONNECTION, Self::TLS, Self::SERVER, Self::CREDENTIALS, Self::CLOCK, Self::PROFILE];

    pub(super) const fn timed(name: &'static str, took: Duration, finding: Finding) -> Self {
        Self { name, took: Some(took), finding }
    }

    pub(super) const fn derived(name: &'static str, finding: Finding) -> Self {
        Self { name, took: None, finding }
    }

    /// Whether it makes sense to go on after it.
    pub(super) const fn goes_on(&self) -> bool {
        !matches!(self.finding, Finding::Failed { .. })
    }
}

// === impl Finding ===

impl Finding {
    pub(super) fn of_fault(fault: Fault, said: String) -> Self {
        let said = Some(said).filter(|said| !said.is_empty());
        Self::Failed { found: fault.found().to_owned(), said, cure: Some(fault.cure()) }
    }
}

// === impl Summary ===

impl Summary {
    pub(super) const fn add(&mut self, step: &Step) {
        match step.finding {
            Finding::Failed { .. } => self.failed += 1,
            Finding::Doubtful(_) => self.doubtful += 1,
            Finding::Fine(_) | Finding::Skipped(_) => {}
        }
    }
}
