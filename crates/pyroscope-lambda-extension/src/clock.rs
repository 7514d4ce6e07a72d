//! The two clocks that the extension lives by, given to it by its caller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Monotonic and wall-clock time.
///
/// Monotonic time is tokio's, so that a test that pauses it pauses the whole extension. Neither clock alone tells how
/// long a freeze was: the monotonic one may stand still in it, the wall clock may be set.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Wall,
}

#[derive(Clone, Copy, Debug)]
enum Wall {
    System,
    /// Moves with tokio's clock, from `start` at `origin`, and by what that clock has slept through, in milliseconds.
    Simulated {
        start: SystemTime,
        origin: Instant,
        slept_ms: Option<&'static AtomicU64>,
    },
}

/// A point on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic time.
    pub instant: Instant,
    /// Wall-clock time.
    pub wall: SystemTime,
}

/// A duration in whole milliseconds, for a log line.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Clock ===

impl Clock {
    /// The machine's own clocks.
    #[must_use]
    pub const fn system() -> Self {
        Self { wall: Wall::System }
    }

    /// A wall clock that shows `start` now and moves with tokio's clock, paused or not.
    #[must_use]
    pub fn simulated(start: SystemTime) -> Self {
        Self { wall: Wall::Simulated { start, origin: Instant::now(), slept_ms: None } }
    }

    /// The same, for freezes in which monotonic time stands still: the wall clock is ahead by `slept_ms` (milliseconds),
    /// which the caller adds to at each thaw.
    #[must_use]
    pub fn simulated_over_freezes(start: SystemTime, slept_ms: &'static AtomicU64) -> Self {
        Self { wall: Wall::Simulated { start, origin: Instant::now(), slept_ms: Some(slept_ms) } }
    }

    /// Now, on both clocks.
    #[must_use]
    pub fn now(&self) -> Moment {
        let instant = Instant::now();
        let wall = match self.wall {
            Wall::System => SystemTime::now(),
            Wall::Simulated { start, origin, slept_ms } => {
                let slept_ms = slept_ms.map_or(0, |slept_ms| slept_ms.load(Ordering::Relaxed));
                start + instant.saturating_duration_since(origin) + Duration::from_millis(slept_ms)
            }
        };
        Moment { instant, wall }
    }
}

// === impl Moment ===

impl Moment {
    /// The time from `earlier` to this moment by whichever clock saw more of it; zero where both went backwards.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        let monotonic = self.instant.saturating_duration_since(earlier.instant);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        monotonic.max(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_as_long_as_the_clock_that_saw_more_of_it_says() {
        let start =
            Moment { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1000) };
        let seconds = Duration::from_secs;
        for (instant, wall, expected) in [
            (start.instant + seconds(2), start.wall + seconds(9), seconds(9)),
            (start.instant + seconds(9), start.wall + seconds(2), seconds(9)),
            (start.instant + seconds(3), start.wall - seconds(500), seconds(3)),
            (start.instant, start.wall, Duration::ZERO),
        ] {
            assert_eq!(Moment { instant, wall }.since(&start), expected);
        }
    }
}
