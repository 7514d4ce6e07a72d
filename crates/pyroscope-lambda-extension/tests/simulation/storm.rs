//! Schedules that a seed makes up: every fault that the network and the remote can have, in any order.

use std::time::Duration;

use crate::dice::Dice;
use crate::lambda::{Invocation, Lambda};
use crate::remote::{Answer, Mood};
use crate::world::{Ended, Settings, simulate};

/// Seeds that every run tries.
const SEEDS: [u64; 8] = [1, 2, 3, 5, 8, 13, 21, 34];

/// Invocations of a storm.
const INVOCATIONS: u64 = 250;

const FAIR: Mood = Mood::Always(Answer::Ok);
const ROUGH: Mood = Mood::Any(&[
    Answer::Ok,
    Answer::Ok,
    Answer::Ok,
    Answer::Late(Duration::from_millis(400)),
    Answer::Late(Duration::from_secs(12)),
    Answer::Unavailable,
    Answer::RetryAfter(1),
    Answer::RetryAfter(15),
    Answer::Refusal,
    Answer::Silence,
    Answer::Lost,
    Answer::Unread,
]);

/// The way to the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    Cut,
    Held,
    Off,
}

impl Way {
    fn change(&mut self, lambda: &Lambda, to: Self) {
        match self {
            Self::Open => {}
            Self::Cut => lambda.mend_network(),
            Self::Held => lambda.release_packets(),
            Self::Off => lambda.turn_remote_off(false),
        }
        match to {
            Self::Open => {}
            Self::Cut => lambda.cut_network(),
            Self::Held => lambda.hold_packets(),
            Self::Off => lambda.turn_remote_off(true),
        }
        *self = to;
    }
}

fn any_invocation(dice: &mut Dice) -> Invocation {
    Invocation {
        profiles: dice.number(0..4) as u32,
        size: dice.number(8..20_000) as usize,
        before: dice.ms(0..20),
        after: if dice.percent(10) { dice.ms(0..1_000) } else { dice.ms(0..60) },
        timeout: if dice.percent(10) { dice.ms(1_200..3_000) } else { Duration::from_secs(15) },
    }
}

async fn any_pause(lambda: &Lambda, dice: &mut Dice) {
    match dice.number(0..10) {
        0..3 => {} // invoked again at once
        3..6 => lambda.freeze(dice.ms(10..3_000)).await,
        6..9 => lambda.freeze(dice.ms(3_000..60_000)).await,
        _ => {
            lambda.lose_connections();
            lambda.freeze(dice.ms(60_000..900_000)).await;
        }
    }
}

/// A storm, then fair weather for long enough to deliver all that is left.
fn storm(seed: u64, invocations: u64) -> Ended {
    simulate(Settings::new(seed), async move |lambda| {
        let mut dice = Dice::new(seed);
        let mut way = Way::Open;
        for _ in 0..invocations {
            any_pause(lambda, &mut dice).await;
            if dice.percent(15) {
                lambda.set_mood(if dice.percent(40) { FAIR } else { ROUGH });
            }
            if dice.percent(20) {
                way.change(lambda, dice.one_of(&[Way::Open, Way::Open, Way::Cut, Way::Held, Way::Off]));
            }
            lambda.invoke(any_invocation(&mut dice)).await;
        }
        way.change(lambda, Way::Open);
        lambda.set_mood(FAIR);
        for _ in 0..12 {
            lambda.freeze(Duration::from_secs(15)).await;
            let after = Duration::from_millis(400);
            lambda.invoke(Invocation { profiles: 0, after, ..Invocation::default() }).await;
        }
    })
}

/// With the oracle's word on it: nothing is left, so that whatever is not refused, expired or evicted has arrived.
fn weather(seed: u64) {
    let ended = storm(seed, INVOCATIONS);
    let counts = ended.counts;
    let settled = counts.delivered + counts.refused + counts.expired + counts.evicted;
    assert_eq!(counts.accepted, settled, "something is left after the storm: {counts:?}");
    assert!(counts.delivered > counts.accepted / 10, "hardly anything arrives: {counts:?}");
}

#[test]
fn whatever_happens_on_the_way_every_acknowledged_profile_arrives_or_is_accounted_for() {
    SEEDS.into_iter().for_each(weather);
}

#[test]
fn a_seed_of_ones_own_makes_a_storm_too() {
    let Ok(seed) = std::env::var("SIMULATION_SEED") else { return };
    weather(seed.parse().expect("SIMULATION_SEED is a number"));
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in [3, 4] {
        let [once, again] = [(); 2].map(|()| storm(seed, 40));
        assert_eq!(once.counts, again.counts);
        for (one, other) in once.journal.iter().zip(&again.journal) {
            assert_eq!(one, other);
        }
    }
}
