//! The end, at the worst of times.

use std::time::Duration;

use crate::lambda::Invocation;
use crate::outage::{TROUBLES, Trouble};
use crate::remote::Answer;
use crate::world::{Settings, simulate};

/// What the platform gives, from the first notice to the kill.
const BUDGET: Duration = Duration::from_secs(2);

/// Even and odd seeds differ in whether monotonic time runs on in a freeze.
fn every_trouble_on_every_clock() -> impl Iterator<Item = (u64, Trouble)> {
    TROUBLES.into_iter().flat_map(|trouble| [1, 2].map(|seed| (seed, trouble)))
}

#[test]
fn a_shutdown_in_the_middle_of_an_outage_is_over_before_its_deadline() {
    for (seed, trouble) in every_trouble_on_every_clock() {
        let ended = simulate(Settings::new(seed), async move |lambda| {
            trouble.begin(lambda);
            for _ in 0..20 {
                lambda.freeze(Duration::from_secs(40)).await;
                lambda.invoke(Invocation::default()).await;
            }
            let told = lambda.now();
            lambda.shut_down(BUDGET).await;
            let taken = lambda.now() - told;
            assert!(taken <= BUDGET - Duration::from_millis(100), "ended after {taken:?}: {trouble:?}");
        });
        assert_eq!(ended.counts.delivered, 0);
        assert_eq!(ended.counts.accepted, 20);
    }
}

#[test]
fn a_shutdown_right_after_an_outage_delivers_all_that_waited_for_its_end() {
    for (seed, trouble) in every_trouble_on_every_clock() {
        let ended = simulate(Settings::new(seed), async move |lambda| {
            trouble.begin(lambda);
            for _ in 0..20 {
                lambda.freeze(Duration::from_secs(40)).await;
                lambda.invoke(Invocation::default()).await;
            }
            trouble.end(lambda);
            lambda.freeze(Duration::from_secs(300)).await;
            lambda.shut_down(BUDGET).await;
        });
        assert_eq!(ended.counts.delivered, 20, "{trouble:?}: {:?}", ended.counts);
    }
}

#[test]
fn a_shutdown_after_a_freeze_that_no_connection_survived_delivers_all_the_same() {
    for seed in 1..=8 {
        let ended = simulate(Settings::new(seed), async |lambda| {
            for _ in 0..3 {
                lambda.invoke(Invocation { profiles: 4, ..Invocation::default() }).await;
            }
            lambda.lose_connections();
            lambda.freeze(Duration::from_secs(300)).await;
            lambda.shut_down(BUDGET).await;
        });
        assert_eq!(ended.counts.delivered, 12, "{seed}: {:?}", ended.counts);
    }
}

#[test]
fn a_shutdown_while_the_remote_is_slow_waits_for_its_answers() {
    for seed in 1..=8 {
        let ended = simulate(Settings::new(seed), async |lambda| {
            lambda.remote_answers(Answer::Late(Duration::from_secs(1)));
            lambda.invoke(Invocation { profiles: 20, ..Invocation::default() }).await;
            lambda.shut_down(BUDGET).await;
        });
        assert_eq!(ended.counts.delivered, 20);
    }
}
