//! How long to wait before the next try.

use std::time::Duration;

use crate::clock::Moment;

/// The longest that the first wait can be.
pub const SHORTEST: Duration = Duration::from_millis(100);

/// The longest that any wait can be.
pub const LONGEST: Duration = Duration::from_secs(10);

/// A thaw ends no back-off that began less than this ago: a function that is invoked hundreds of times a second would try
/// as often.
const SHORTEST_BACK_OFF: Duration = Duration::from_secs(1);

/// So long after a moment, by the larger of both clocks: the monotonic one may stand still in a freeze.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// The moment.
    pub since: Moment,
    /// How long.
    pub length: Duration,
}

/// The wait after `failures` failures in a row (1 for the first): exponential with full jitter.
///
/// Anywhere between nothing and a ceiling that doubles from [`SHORTEST`] to [`LONGEST`], as `random`, uniform over all
/// values, says. The spread keeps the many environments of one function from coming back in step.
#[must_use]
pub fn delay(failures: u32, random: u64) -> Duration {
    let doubled = SHORTEST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let ceiling = doubled.min(LONGEST);
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % (micros + 1))
}

// === impl Pause ===

impl Pause {
    /// What is left of it.
    #[must_use]
    pub fn left(&self, now: Moment) -> Duration {
        self.length.saturating_sub(now.since(&self.since))
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        self.left(now).is_zero()
    }

    /// What is left of it after a thaw, which is a chance to get through.
    #[must_use]
    pub fn after_thaw(self, now: Moment) -> Option<Self> {
        let length = self.length.min(SHORTEST_BACK_OFF);
        Some(Self { length, ..self }).filter(|pause| !pause.is_over(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ceiling_doubles_from_a_tenth_of_a_second_to_ten() {
        // The largest value that jitter can reach: random = ceiling in microseconds.
        for (failures, ceiling_ms) in
            [(0, 100), (1, 100), (2, 200), (3, 400), (7, 6400), (8, 10_000), (9, 10_000), (u32::MAX, 10_000)]
        {
            assert_eq!(delay(failures, ceiling_ms * 1000), Duration::from_millis(ceiling_ms), "{failures}");
            assert_eq!(delay(failures, ceiling_ms * 1000 + 1), Duration::ZERO, "{failures}");
        }
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(failures: u32, random: u64) {
            prop_assert!(delay(failures, random) <= LONGEST);
        }
    }
}
