//! What is known of the remote, and how long to leave it alone.

use std::time::Duration;

use crate::clock::Moment;

/// A thaw ends no back-off that began less than this ago: a function that is invoked hundreds of times a second would try
/// as often.
const SHORTEST_BACK_OFF: Duration = Duration::from_secs(1);

/// What the latest attempts tell of the remote.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) failures_in_row: u32,
    /// Back-off after the latest failure of any upload: the time to the next probe of an outage.
    pub(super) back_off: Option<Pause>,
    /// The remote asked for quiet.
    pub(super) pause: Option<Pause>,
}

/// So long after a moment, by the larger of both clocks: the monotonic one may stand still in a freeze.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    pub(super) since: Moment,
    pub(super) length: Duration,
}

// === impl Health ===

impl Health {
    /// The remote answers. An attempt that succeeds in a pause began before it: what the remote asked for still holds.
    pub(super) fn recover(&mut self) {
        *self = Self { pause: self.pause, ..Self::default() };
    }
}

// === impl Pause ===

impl Pause {
    pub(super) fn left(&self, now: Moment) -> Duration {
        self.length.saturating_sub(now.since(&self.since))
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.left(now).is_zero()
    }

    /// What is left of it after a thaw.
    pub(super) fn after_thaw(self, now: Moment) -> Option<Self> {
        let length = self.length.min(SHORTEST_BACK_OFF);
        Some(Self { length, ..self }).filter(|pause| !pause.is_over(now))
    }
}
