//! How long to wait before the next try.

use std::time::Duration;

/// The longest that the first wait can be.
pub const SHORTEST: Duration = Duration::from_millis(100);

/// The longest that any wait can be.
pub const LONGEST: Duration = Duration::from_secs(10);

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
