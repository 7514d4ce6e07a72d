//! What happens in a run: all of it follows from the seed.

use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use crate::dice::Dice;
use crate::load::order::Then;

/// How many invocations an environment serves before it is shut down, on average.
const INVOCATIONS_OF_ONE: u64 = 9;

/// A queue that is often full.
pub(super) const FULL_QUEUE: &str = "512KiB";

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// `PYROSCOPE_QUEUE_BYTES`; so few with some seeds that profiles are pushed out.
    pub(super) queue: &'static str,
    pub(super) environments: Vec<Environment>,
}

/// One environment, from its start to its shutdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Environment {
    /// `PYROSCOPE_FLUSH_STRATEGY`.
    pub(super) strategy: &'static str,
    /// `PYROSCOPE_NUM_WORKERS`.
    pub(super) workers: u64,
    /// `PYROSCOPE_TIMEOUT`.
    pub(super) attempt: Duration,
    /// How long its shutdown may take.
    pub(super) shutdown: Duration,
    pub(super) acts: Vec<Act>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// From now on the remote behaves like this.
    Fault(Fault),
    /// All connections to the remote die, and nobody is told.
    DropConnections,
    /// The environment stays frozen for so long.
    Gap(Duration),
    /// While frozen the extension is killed.
    Kill,
    /// The function is invoked.
    Invoke(Invoke),
}

/// An invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Invoke {
    pub(super) first: u64,
    pub(super) profiles: u64,
    pub(super) work_ms: u64,
    pub(super) timeout: Duration,
    pub(super) then: Then,
    /// The extension is killed so long after the start.
    pub(super) kill_after: Option<Duration>,
}

// === impl Schedule ===

impl Schedule {
    /// The run of this seed, with so many profiles in so many invocations.
    pub(super) fn new(seed: u64, profiles: u64, invocations: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (mut first, mut environments) = (0, Vec::new());
        let invocations = invocations.max(1);
        let mut done = 0;
        while done < invocations {
            let mut environment = Environment::new(&mut dice);
            let count = dice.within(INVOCATIONS_OF_ONE / 2..=INVOCATIONS_OF_ONE * 3 / 2);
            for _ in 0..count.min(invocations - done) {
                done += 1;
                // What is left is spread evenly, but for the dice.
                let fair = (profiles - first).div_ceil(invocations - done + 1);
                let profiles = if done == invocations {
                    profiles - first
                } else {
                    dice.within(0..=2 * fair).min(profiles - first)
                };
                environment.before_invocation(&mut dice);
                environment.acts.push(Act::Invoke(Invoke::new(&mut dice, first, profiles)));
                first += profiles;
                environment.after_invocation(&mut dice);
            }
            environments.push(environment);
        }
        let queue = if seed.is_multiple_of(4) { FULL_QUEUE } else { "64MiB" };
        Self { queue, environments }
    }
}

// === impl Environment ===

impl Environment {
    fn new(dice: &mut Dice) -> Self {
        let strategy = dice.one_of(&["auto", "auto", "auto", "invoke", "end", "background"], "auto");
        // After a crash nobody hears of the shutdown before it is back in `next`, which `invoke` holds for long.
        let shutdowns = if strategy == "invoke" { [2_000; 3] } else { [800, 1_200, 2_000] };
        Self {
            strategy,
            workers: dice.one_of(&[1, 2, 5, 5, 16], 5),
            attempt: Duration::from_millis(dice.one_of(&[400, 1_000, 10_000], 1_000)),
            shutdown: Duration::from_millis(dice.one_of(&shutdowns, 2_000)),
            acts: Vec::new(),
        }
    }

    fn before_invocation(&mut self, dice: &mut Dice) {
        if dice.percent(60) {
            let fault = if dice.percent(40) { Fault::None } else { Fault::any(dice) };
            self.acts.push(Act::Fault(fault));
        }
    }

    fn after_invocation(&mut self, dice: &mut Dice) {
        if dice.percent(15) {
            self.acts.push(Act::DropConnections);
        }
        if dice.percent(40) {
            // Longer than connections are trusted for, now and then.
            let gap = if dice.percent(5) { 3_100 } else { dice.within(1..=150) };
            self.acts.push(Act::Gap(Duration::from_millis(gap)));
        }
        if dice.percent(1) {
            self.acts.push(Act::Kill);
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, workers, attempt, shutdown, .. } = self;
        write!(
            f,
            "strategy {strategy}, {workers} workers, {attempt:?} an attempt, {shutdown:?} for a shutdown"
        )
    }
}

// === impl Invoke ===

impl Invoke {
    fn new(dice: &mut Dice, first: u64, profiles: u64) -> Self {
        let work_ms = dice.one_of(&[0, 1, 5, 5, 30, 80], 5);
        let then = match dice.within(0..=99) {
            0..=4 => Then::Hang,
            5..=7 => Then::Exit,
            _ => Then::Answer,
        };
        // One that hangs shows what a short deadline does; the others have time to post what they have to.
        let timeout = if then == Then::Hang { dice.within(400..=900) } else { dice.within(1_000..=2_000) };
        let kill_after = dice.percent(1).then(|| Duration::from_millis(dice.within(0..=30)));
        Self { first, profiles, work_ms, timeout: Duration::from_millis(timeout), then, kill_after }
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Schedule};

    fn invocations(schedule: &Schedule) -> Vec<(u64, u64)> {
        let acts = schedule.environments.iter().flat_map(|environment| &environment.acts);
        acts.filter_map(|act| match act {
            Act::Invoke(invoke) => Some((invoke.first, invoke.profiles)),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_seed_gives_the_same_run_again_and_another_gives_another() {
        assert_eq!(Schedule::new(3, 500, 30), Schedule::new(3, 500, 30));
        assert_ne!(Schedule::new(3, 500, 30), Schedule::new(4, 500, 30));
    }

    #[test]
    fn every_profile_is_posted_in_exactly_one_invocation() {
        for (seed, profiles, invocations_wanted) in [(1, 1_000, 40), (2, 0, 3), (3, 7, 1), (4, 10, 100)] {
            let invocations = invocations(&Schedule::new(seed, profiles, invocations_wanted));
            assert_eq!(invocations.len() as u64, invocations_wanted);
            let mut next = 0;
            for (first, count) in invocations {
                assert_eq!(first, next);
                next += count;
            }
            assert_eq!(next, profiles);
        }
    }
}
