//! How long to wait for the end of a handler, and when no more: pure, no IO, no clock of its own.

use std::time::Duration;

use crate::flush::DEADLINE_MARGIN;

/// After so many invocations in a row without a word of their end, none is expected any more.
const MISSED: u32 = 3;

/// What is left of the trust that the platform tells when a handler has ended.
#[derive(Debug, Default)]
pub struct Patience {
    missed: u32,
}

// === impl Patience ===

impl Patience {
    /// How long the end of a handler may be waited for: until shortly before the deadline, to which it is `left`; where
    /// nobody knows the deadline, for `budget`.
    #[must_use]
    pub fn at_most(left: Option<Duration>, budget: Duration) -> Duration {
        left.map_or(budget, |left| left.saturating_sub(DEADLINE_MARGIN))
    }

    /// The platform told of the end of an invocation, be it late.
    pub const fn heard(&mut self) {
        self.missed = 0;
    }

    /// The platform did not tell in time. Says whether this was once too often.
    pub const fn missed(&mut self) -> bool {
        self.missed = self.missed.saturating_add(1);
        self.missed >= MISSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_before_the_deadline_or_with_the_budget() {
        let ms = Duration::from_millis;
        for (left_ms, expected_ms) in [
            (Some(900_000), 899_800),
            (Some(3_000), 2_800),
            (Some(201), 1),
            (Some(200), 0),
            (Some(5), 0),
            (None, 500),
        ] {
            assert_eq!(Patience::at_most(left_ms.map(ms), ms(500)), ms(expected_ms), "{left_ms:?}");
        }
    }

    #[test]
    fn patience_ends_with_the_third_miss_in_a_row() {
        for (observed, lost) in [
            ("", false),
            ("m", false),
            ("mm", false),
            ("mmm", true),
            ("mmmm", true),
            ("mmhmm", false),
            ("hmhmhm", false),
            ("hmmm", true),
        ] {
            let mut patience = Patience::default();
            let mut is_lost = false;
            for observation in observed.chars() {
                match observation {
                    'm' => is_lost = patience.missed(),
                    _ => patience.heard(),
                }
            }
            assert_eq!(is_lost, lost, "{observed}");
        }
    }
}
