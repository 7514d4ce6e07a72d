//! The end, at the worst of times.

use std::time::Duration;

use crate::lambda::Invocation;
use crate::outage::TROUBLES;
use crate::remote::Answer;
use crate::world::{Settings, simulate};

/// What the platform gives, from the first notice to the kill.
const BUDGET: Duration = Duration::from_secs(2);

#[test]
fn a_shutdown_in_the_middle_of_an_outage_is_over_before_its_deadline() {
    for (seed, trouble) in (1..).zip(TROUBLES.into_iter().cycle()).take(8) {
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
    for (seed, trouble) in (1..).zip(TROUBLES.into_iter().cycle()).take(8) {
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
