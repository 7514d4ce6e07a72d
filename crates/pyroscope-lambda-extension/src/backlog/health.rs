//! What is known of the remote, and how long to leave it alone.

use std::time::Duration;

use crate::backoff::Pause;
use crate::clock::Moment;

/// What the latest attempts tell of the remote.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) failures_in_row: u32,
    /// Back-off after the latest failure of any upload: the time to the next probe of an outage.
    pub(super) back_off: Option<Pause>,
    /// The remote asked for quiet.
    pub(super) pause: Option<Pause>,
    /// There are no credentials to send anything with.
    pub(super) unready: Option<Pause>,
}

// === impl Health ===

impl Health {
    /// The remote answers. An attempt that succeeds in a pause began before it: what the remote asked for still holds.
    pub(super) fn recover(&mut self) {
        *self = Self { pause: self.pause, ..Self::default() };
    }

    /// How long nothing is to be sent at all.
    pub(super) fn quiet(&self, now: Moment) -> Duration {
        let left = |pause: Option<Pause>| pause.map_or(Duration::ZERO, |pause| pause.left(now));
        left(self.pause).max(left(self.unready))
    }
}
