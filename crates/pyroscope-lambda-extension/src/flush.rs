//! Whether and for how long asking for the next event is put off: pure, no IO, no clock of its own.
//!
//! Until `/extension/event/next` is asked for, the environment can't freeze. Holding it back at INVOKE gives uploads
//! the time that the handler takes anyway; only what goes on after the response is billed on top.

use std::time::Duration;

use crate::backlog::Progress;
use crate::config::{FlushConfig, FlushStrategy};

/// Never hold up to the very deadline of the invocation: the function would time out for our sake.
pub const DEADLINE_MARGIN: Duration = Duration::from_millis(200);

/// After so many holds in a row that did not help, hardly any until a delivery succeeds.
const UNHELPFUL_HOLDS: u32 = 3;

/// Until then one invocation in so many is held: a function of milliseconds gives no delivery the time that it takes,
/// and would never learn that the remote is back.
const PROBE_EVERY: u32 = 16;

/// The flush policy of one environment.
#[derive(Debug)]
pub struct Policy {
    config: FlushConfig,
    /// Holds in a row that did not help.
    unhelpful: u32,
    /// Invocations since the latest hold that could have been held.
    unheld: u32,
    /// Deliveries counted when the policy was last asked or told.
    delivered: u64,
}

// === impl Policy ===

impl Policy {
    /// A policy that goes by `config`.
    #[must_use]
    pub const fn new(config: FlushConfig) -> Self {
        Self { config, unhelpful: 0, unheld: 0, delivered: 0 }
    }

    /// How long `next` may be held at most: nothing where it should not be.
    ///
    /// `left` is the time to the invocation's deadline, where it is known; `progress` that of the uploads accepted
    /// before; `delivered` counts all deliveries so far.
    pub fn hold(&mut self, progress: Progress, left: Option<Duration>, delivered: u64) -> Duration {
        if delivered > self.delivered {
            self.unhelpful = 0;
        }
        self.delivered = delivered;
        if progress != Progress::Pending {
            return Duration::ZERO;
        }
        self.unheld += 1;
        if self.unhelpful >= UNHELPFUL_HOLDS && self.unheld < PROBE_EVERY {
            return Duration::ZERO;
        }
        let until_deadline = left.map(|left| left.saturating_sub(DEADLINE_MARGIN));
        let budget = self.config.budget;
        match self.config.strategy {
            FlushStrategy::Background => Duration::ZERO,
            FlushStrategy::Auto | FlushStrategy::End => budget.min(until_deadline.unwrap_or(budget)),
            // Where nobody knows the deadline, the budget is all there is to go by.
            FlushStrategy::Invoke => until_deadline.unwrap_or(budget),
        }
    }

    /// Whether the latest holds were in vain and nothing was delivered since: then nothing is held, nor waited for, but
    /// for one invocation in so many. To be asked once an invocation.
    /// `delivered` counts all deliveries so far.
    pub const fn has_given_up(&mut self, delivered: u64) -> bool {
        let given_up = self.unhelpful >= UNHELPFUL_HOLDS && delivered <= self.delivered;
        if given_up {
            self.unheld += 1;
        }
        given_up && self.unheld < PROBE_EVERY
    }

    /// Takes note of how a hold ended. `delivered` counts all deliveries so far.
    pub fn held(&mut self, progress: Progress, delivered: u64) {
        self.unheld = 0;
        let helped = progress == Progress::Settled || delivered > self.delivered;
        self.unhelpful = if helped { 0 } else { self.unhelpful.saturating_add(1) };
        self.delivered = delivered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Duration = Duration::from_millis(500);

    fn policy(strategy: FlushStrategy) -> Policy {
        Policy::new(FlushConfig { strategy, budget: BUDGET })
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_hold_is_bounded_by_the_budget_and_by_the_deadline() {
        use FlushStrategy::{Auto, Background, End, Invoke};
        for (strategy, left_ms, expected_ms) in [
            (Auto, Some(3_000), 500),
            (Auto, Some(600), 400),
            (Auto, Some(200), 0),
            (Auto, Some(5), 0),
            (Auto, None, 500),
            (End, Some(3_000), 500),
            (Invoke, Some(3_000), 2_800),
            (Invoke, Some(100), 0),
            (Invoke, None, 500),
            (Background, Some(3_000), 0),
        ] {
            let mut policy = policy(strategy);
            let hold = policy.hold(Progress::Pending, left_ms.map(ms), 0);
            assert_eq!(hold, ms(expected_ms), "{strategy:?} {left_ms:?}");
        }
    }

    #[test]
    fn nothing_is_held_when_nothing_is_left() {
        let mut policy = policy(FlushStrategy::Invoke);
        assert_eq!(policy.hold(Progress::Settled, Some(ms(3_000)), 0), Duration::ZERO);
    }

    #[test]
    fn after_three_holds_in_vain_there_is_none_until_a_delivery() {
        let mut policy = policy(FlushStrategy::Auto);
        for _ in 0..3 {
            assert_eq!(policy.hold(Progress::Pending, None, 7), BUDGET);
            policy.held(Progress::Stalled, 7);
        }
        assert_eq!(policy.hold(Progress::Pending, None, 7), Duration::ZERO);
        assert!(policy.has_given_up(7) && !policy.has_given_up(8));
        assert_eq!(policy.hold(Progress::Pending, None, 8), BUDGET);
    }

    #[test]
    fn after_three_holds_in_vain_one_invocation_in_sixteen_is_held() {
        let mut policy = policy(FlushStrategy::Auto);
        let held: Vec<usize> = (0..50)
            .filter(|_| {
                let held = !policy.hold(Progress::Pending, None, 0).is_zero();
                if held {
                    policy.held(Progress::Pending, 0);
                }
                held
            })
            .collect();
        assert_eq!(held, [0, 1, 2, 18, 34]);
    }

    #[test]
    fn a_hold_in_which_something_was_delivered_helped() {
        let mut policy = policy(FlushStrategy::Auto);
        for delivered in 0..10 {
            assert_eq!(policy.hold(Progress::Pending, None, delivered), BUDGET);
            policy.held(Progress::Pending, delivered + 1);
        }
    }
}
