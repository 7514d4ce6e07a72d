//! Connections that die while nobody can notice.

use std::time::Duration;

use crate::dice::Dice;
use crate::journal::{Entry, Event};
use crate::lambda::Invocation;
use crate::world::{Settings, simulate};

/// What an attempt gets that was under way over a freeze.
const GRACE: Duration = Duration::from_millis(250);

/// The longest that the first back-off can be.
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);

fn first(journal: &[Entry], which: impl Fn(&Event) -> bool) -> Duration {
    journal.iter().find(|entry| which(&entry.event)).expect("it happened").at
}

/// A packet each way, and the steps of the simulation that it takes to notice them.
const fn round_trip(settings: &Settings) -> Duration {
    Duration::from_millis(2 * settings.latency_ms.1 + 10)
}

#[test]
fn a_profile_posted_after_a_freeze_that_killed_every_connection_arrives_within_a_round_trip() {
    for seed in 1..=8 {
        let settings = Settings::new(seed);
        let round_trip = round_trip(&settings);
        let ended = simulate(settings, async move |lambda| {
            let awake = Invocation { after: Duration::from_secs(1), ..Invocation::default() };
            lambda.invoke(awake).await;
            lambda.lose_connections();
            lambda.freeze(Dice::new(seed).ms(3_000..600_000)).await;
            lambda.invoke(awake).await;
        });
        let acknowledged = first(&ended.journal, |event| *event == Event::Acknowledged(1));
        let arrived = first(&ended.journal, |event| matches!(event, Event::Arrived { profile: 1, .. }));
        let taken = arrived.saturating_sub(acknowledged);
        assert!(taken <= round_trip, "arrived after {taken:?}");
    }
}

#[test]
fn an_upload_that_a_freeze_cut_off_arrives_within_the_grace_and_a_round_trip_of_the_thaw() {
    for seed in 1..=8 {
        let settings = Settings {
            variables: &[("PYROSCOPE_FLUSH_STRATEGY", "background")],
            latency_ms: (40, 60),
            ..Settings::new(seed)
        };
        let round_trip = round_trip(&settings);
        let ended = simulate(settings, async move |lambda| {
            let mut dice = Dice::new(seed);
            // Frozen before the request can have reached the remote.
            lambda.invoke(Invocation { after: dice.ms(0..30), ..Invocation::default() }).await;
            lambda.lose_connections();
            lambda.freeze(dice.ms(3_000..600_000)).await;
            lambda
                .invoke(Invocation { profiles: 0, after: Duration::from_secs(1), ..Invocation::default() })
                .await;
        });
        let thawed = first(&ended.journal, |event| matches!(event, Event::Froze { .. }));
        let arrived = first(&ended.journal, |event| matches!(event, Event::Arrived { profile: 0, .. }));
        let taken = arrived.saturating_sub(thawed);
        assert!(taken <= GRACE + FIRST_BACK_OFF + round_trip, "arrived {taken:?} after the thaw");
        assert_eq!(ended.counts.delivered, 1);
    }
}
