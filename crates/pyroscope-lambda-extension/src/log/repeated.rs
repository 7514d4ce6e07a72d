//! Keeps a repeated failure from filling the log.

use std::time::{Duration, Instant};

/// The first pause after a line.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause between two lines about a failure that goes on.
const LONGEST: Duration = Duration::from_secs(300);

/// Decides which occurrences of one failure are logged: the first, then one after each pause. Pauses double from one
/// second to five minutes. After five minutes without the failure, or once it is over, it starts anew.
#[derive(Clone, Debug, Default)]
pub struct Repeated {
    last: Option<Occurrence>,
}

#[derive(Clone, Copy, Debug)]
struct Occurrence {
    at: Instant,
    /// When the next line may come.
    quiet_until: Instant,
    pause: Duration,
    left_out: u64,
}

// === impl Repeated ===

impl Repeated {
    /// A failure that has not happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None }
    }

    /// Notes an occurrence. Gives a number where it is to be logged: how many were left out since the last line.
    pub fn occurred(&mut self, now: Instant) -> Option<u64> {
        let (pause, left_out) = match &mut self.last {
            None => (SHORTEST, 0),
            Some(last) if now < last.quiet_until => {
                last.at = now;
                last.left_out = last.left_out.saturating_add(1);
                return None;
            }
            Some(last) if now.saturating_duration_since(last.at) >= LONGEST => (SHORTEST, last.left_out),
            Some(last) => (last.pause.saturating_mul(2).min(LONGEST), last.left_out),
        };
        // A clock near its end means no pause, which is better than no line.
        let quiet_until = now.checked_add(pause).unwrap_or(now);
        self.last = Some(Occurrence { at: now, quiet_until, pause, left_out: 0 });
        Some(left_out)
    }

    /// Notes that the failure is over. Gives how many occurrences no line has told of, if it had happened at all.
    pub fn over(&mut self) -> Option<u64> {
        self.last.take().map(|last| last.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the occurrences are logged, as (second, left out before it).
    fn logged(seconds: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
        let start = Instant::now();
        let mut repeated = Repeated::new();
        seconds
            .into_iter()
            .filter_map(|second| Some((second, repeated.occurred(start + Duration::from_secs(second))?)))
            .collect()
    }

    #[test]
    fn the_first_occurrence_is_logged_at_once() {
        assert_eq!(logged([0]), [(0, 0)]);
    }

    #[test]
    fn pauses_double_and_the_next_line_tells_how_many_were_left_out() {
        assert_eq!(logged(0..40), [(0, 0), (1, 0), (3, 1), (7, 3), (15, 7), (31, 15)]);
    }

    #[test]
    fn a_failure_that_goes_on_all_day_is_logged_every_five_minutes() {
        let lines = logged(0..86_400);
        assert!(lines.len() < 300, "{} lines", lines.len());
        let [.., (one, _), (next, left_out)] = lines[..] else { panic!("{lines:?}") };
        assert_eq!((next - one, left_out), (300, 299));
    }

    #[test]
    fn a_failure_that_comes_back_after_a_long_time_starts_anew() {
        assert_eq!(logged([0, 1, 2, 400, 401, 402]), [(0, 0), (1, 0), (400, 1), (401, 0)]);
    }

    #[test]
    fn a_failure_that_was_over_starts_anew_and_the_end_tells_what_was_left_out() {
        let now = Instant::now();
        let mut repeated = Repeated::new();
        assert_eq!(repeated.over(), None);
        assert_eq!(repeated.occurred(now), Some(0));
        assert_eq!(repeated.occurred(now), None);
        assert_eq!(repeated.occurred(now), None);
        assert_eq!(repeated.over(), Some(2));
        assert_eq!(repeated.occurred(now), Some(0));
    }

    #[test]
    fn a_clock_that_goes_back_is_harmless() {
        let before = Instant::now();
        let mut repeated = Repeated::new();
        assert_eq!(repeated.occurred(before + Duration::from_secs(900)), Some(0));
        assert_eq!(repeated.occurred(before), None);
    }
}
