//! When a secret is read, and how long what was read serves: pure, no IO, no clock of its own.

use std::time::Duration;

use http::HeaderValue;

use crate::backoff::{self, Pause};
use crate::clock::Moment;

/// What was read is read again once it is this old.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// How often it is read for a remote that refuses, and after a failure that lasts.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// What is known of a secret.
#[derive(Debug, Default)]
pub(super) struct Cache {
    read: Option<Read>,
    /// Whether it is being read.
    reading: bool,
    /// Whether the remote refused what was read, so that nothing is sent before it has been read again.
    refused: bool,
    /// When it was last read again since the remote refused what was read.
    refused_at: Option<Moment>,
    failures_in_row: u32,
    /// After a failure it is not read before this is over.
    back_off: Option<BackOff>,
}

#[derive(Debug)]
struct Read {
    value: HeaderValue,
    at: Moment,
}

#[derive(Clone, Copy, Debug)]
struct BackOff {
    pause: Pause,
    /// Whether a thaw ends it.
    yields: bool,
}

/// What to do about a request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send it with this.
    Use(HeaderValue),
    /// Wait until it has been read.
    Wait,
    /// Ask again in so long.
    Later(Duration),
}

// === impl Cache ===

impl Cache {
    /// What to do now. Says as well whether to start to read: the caller has to tell how that ended.
    pub(super) fn ask(&mut self, now: Moment) -> (Step, bool) {
        let stale = self.read.as_ref().is_none_or(|read| self.refused || now.since(&read.at) >= MAX_AGE);
        let back_off = self.back_off.map_or(Duration::ZERO, |back_off| back_off.pause.left(now));
        let start = stale && !self.reading && back_off.is_zero();
        self.reading |= start;
        let step = match &self.read {
            Some(read) if !(self.refused && self.reading) => Step::Use(read.value.clone()),
            _ if self.reading => Step::Wait,
            _ => Step::Later(back_off),
        };
        (step, start)
    }

    /// It has been read. Says whether it is another than before.
    pub(super) fn succeeded(&mut self, value: HeaderValue, now: Moment) -> bool {
        let another = self.read.as_ref().is_some_and(|before| before.value != value);
        let read = Some(Read { value, at: now });
        *self = Self { read, refused_at: self.refused_at, ..Self::default() };
        another
    }

    /// It could not be read, for a reason that `lasts` or not. What was read before goes on to serve; says whether there is
    /// any. `random` is for the jitter of the back-off.
    pub(super) fn failed(&mut self, lasts: bool, now: Moment, random: u64) -> bool {
        self.reading = false;
        self.refused = false;
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        let serves = self.read.is_some();
        let yields = !lasts && !serves;
        let length = if yields { backoff::delay(self.failures_in_row, random) } else { MINUTE };
        self.back_off = Some(BackOff { pause: Pause { since: now, length }, yields });
        serves
    }

    /// The remote does not take `value`. Says whether another may be had by asking again, which is tried once a minute.
    pub(super) fn rejected(&mut self, value: &HeaderValue, now: Moment) -> bool {
        let Some(read) = &self.read else { return true };
        if read.value != *value || self.refused {
            return true;
        }
        let backs_off = self.back_off.is_some_and(|back_off| !back_off.pause.is_over(now));
        let long_ago = self.refused_at.is_none_or(|at| now.since(&at) >= MINUTE);
        self.refused = self.reading || (long_ago && !backs_off);
        if self.refused {
            self.refused_at = Some(now);
        }
        self.refused
    }

    /// A thaw is a chance to get through.
    pub(super) fn thaw(&mut self, now: Moment) {
        if let Some(back_off) = self.back_off.filter(|back_off| back_off.yields) {
            self.back_off = back_off.pause.after_thaw(now).map(|pause| BackOff { pause, ..back_off });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;

    const OLD: HeaderValue = HeaderValue::from_static("Bearer old");
    const NEW: HeaderValue = HeaderValue::from_static("Bearer new");

    fn start() -> Moment {
        Moment { instant: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000) }
    }

    fn after(start: Moment, seconds: u64) -> Moment {
        let passed = Duration::from_secs(seconds);
        Moment { instant: start.instant + passed, wall: start.wall + passed }
    }

    /// One that was read at `start`.
    fn read_at(start: Moment) -> Cache {
        let mut cache = Cache::default();
        assert_eq!(cache.ask(start), (Step::Wait, true));
        assert!(!cache.succeeded(OLD, start), "there was none before");
        cache
    }

    #[test]
    fn the_first_request_reads_it_and_others_wait_with_it() {
        let start = start();
        let mut cache = Cache::default();
        assert_eq!(cache.ask(start), (Step::Wait, true));
        assert_eq!(cache.ask(start), (Step::Wait, false));
        cache.succeeded(OLD, start);
        assert_eq!(cache.ask(start), (Step::Use(OLD), false));
        assert_eq!(cache.ask(after(start, 3599)), (Step::Use(OLD), false));
    }

    #[test]
    fn after_an_hour_it_is_read_again_while_the_old_value_serves() {
        let start = start();
        let mut cache = read_at(start);
        let later = after(start, 3600);
        assert_eq!(cache.ask(later), (Step::Use(OLD), true));
        assert_eq!(cache.ask(later), (Step::Use(OLD), false));
        assert!(cache.succeeded(NEW, later));
        assert_eq!(cache.ask(later), (Step::Use(NEW), false));
    }

    #[test]
    fn an_hour_of_freeze_counts_on_whichever_clock_saw_it() {
        let start = start();
        let mut cache = read_at(start);
        let thawed = Moment { wall: start.wall + MAX_AGE, ..start };
        assert_eq!(cache.ask(thawed), (Step::Use(OLD), true));
    }

    #[test]
    fn when_it_cannot_be_read_again_the_old_value_serves_on_and_it_is_tried_once_a_minute() {
        let start = start();
        let mut cache = read_at(start);
        let later = after(start, 3600);
        assert_eq!(cache.ask(later), (Step::Use(OLD), true));
        assert!(cache.failed(false, later, 0));
        cache.thaw(later);
        assert_eq!(cache.ask(after(later, 59)), (Step::Use(OLD), false));
        assert_eq!(cache.ask(after(later, 60)), (Step::Use(OLD), true));
    }

    #[test]
    fn a_failure_that_passes_backs_off_and_a_thaw_ends_that_after_a_second() {
        let start = start();
        let mut cache = Cache::default();
        for failures in 0..8_u64 {
            let now = after(start, failures * 10);
            assert_eq!(cache.ask(now), (Step::Wait, true));
            assert!(!cache.failed(false, now, 10_000_000));
        }
        let now = after(start, 70);
        assert_eq!(cache.ask(now), (Step::Later(Duration::from_secs(10)), false));
        cache.thaw(now);
        assert_eq!(cache.ask(now), (Step::Later(Duration::from_secs(1)), false));
        assert_eq!(cache.ask(after(now, 1)), (Step::Wait, true));
    }

    #[test]
    fn a_failure_that_lasts_is_left_alone_for_a_minute_whatever_thaws() {
        let start = start();
        let mut cache = Cache::default();
        cache.ask(start);
        cache.failed(true, start, 0);
        cache.thaw(after(start, 5));
        assert_eq!(cache.ask(after(start, 10)), (Step::Later(Duration::from_secs(50)), false));
        assert_eq!(cache.ask(after(start, 60)), (Step::Wait, true));
    }

    #[test]
    fn what_the_remote_refuses_is_read_again_before_anything_is_sent_but_once_a_minute() {
        let start = start();
        let mut cache = read_at(start);
        for minutes in 0..3 {
            let now = after(start, minutes * 60);
            assert!(cache.rejected(&OLD, now));
            assert!(cache.rejected(&OLD, now), "the same from another request");
            assert_eq!(cache.ask(now), (Step::Wait, true));
            assert_eq!(cache.ask(now), (Step::Wait, false));
            assert!(!cache.succeeded(OLD, now), "it is the same");
            assert_eq!(cache.ask(now), (Step::Use(OLD), false));
            assert!(!cache.rejected(&OLD, after(now, 59)), "it has just been read for that");
            assert!(cache.rejected(&NEW, now), "a request that began before it was read");
        }
    }

    #[test]
    fn what_the_remote_refuses_serves_on_where_it_cannot_be_read_again() {
        let start = start();
        let mut cache = read_at(start);
        let later = after(start, 100);
        assert!(cache.rejected(&OLD, later));
        assert_eq!(cache.ask(later), (Step::Wait, true));
        assert!(cache.failed(false, later, 0));
        assert_eq!(cache.ask(later), (Step::Use(OLD), false));
        assert!(!cache.rejected(&OLD, after(later, 59)));
        assert!(cache.rejected(&OLD, after(later, 60)));
    }

    proptest! {
        /// Whatever happens: nobody waits while nothing is read, and no two reads are under way at once.
        #[test]
        fn a_wait_always_has_a_read_that_ends_it(
            events in proptest::collection::vec((0..5_u8, 0..4000_u64, any::<u64>()), 0..100),
        ) {
            let (mut cache, mut now, mut reading) = (Cache::default(), start(), false);
            for (event, seconds, random) in events {
                match event {
                    0 | 1 => {
                        let (step, start) = cache.ask(now);
                        prop_assert!(!(start && reading));
                        reading |= start;
                        match step {
                            Step::Wait => prop_assert!(reading),
                            Step::Later(left) => prop_assert!(!left.is_zero() && left <= MINUTE),
                            Step::Use(_) => {}
                        }
                    }
                    2 if reading => {
                        reading = false;
                        if random % 2 == 0 {
                            cache.succeeded(if random % 3 == 0 { OLD } else { NEW }, now);
                        } else {
                            cache.failed(random % 3 == 0, now, random);
                        }
                    }
                    3 => drop(cache.rejected(&OLD, now)),
                    4 => cache.thaw(now),
                    _ => {}
                }
                now = after(now, if event == 1 { seconds } else { 0 });
            }
        }
    }
}
