//! What is left until a deadline that the platform states in epoch milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time from `now` to `deadline_ms`; `None` where the deadline is unknown.
///
/// Emulators send 0, or a time that has passed already: that says nothing, least of all that no time is left.
#[must_use]
pub fn remaining(deadline_ms: u64, now: SystemTime) -> Option<Duration> {
    let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms))?;
    deadline.duration_since(now).ok().filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_of_zero_or_in_the_past_is_unknown() {
        let now = UNIX_EPOCH + Duration::from_millis(5_000);
        for (deadline_ms, left) in
            [(0, None), (4_999, None), (5_000, None), (5_001, Some(1)), (7_000, Some(2_000))]
        {
            assert_eq!(remaining(deadline_ms, now), left.map(Duration::from_millis), "{deadline_ms}");
        }
        drop(remaining(u64::MAX, now)); // must not overflow
    }
}
