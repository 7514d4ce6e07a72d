//! Hours without the remote, in minutes-long freezes or awake all the time.

use std::time::Duration;

use crate::dice::Dice;
use crate::journal::{Entry, Event};
use crate::lambda::{Invocation, Lambda};
use crate::remote::Answer;
use crate::world::{Ended, Settings, simulate};

const HOUR: Duration = Duration::from_secs(3_600);

/// What is the matter with the remote.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// Its machine is off: whoever connects waits.
    Off,
    /// Connecting fails at once.
    NoWay,
    /// It answers 503.
    Unavailable,
    /// It never answers.
    Silent,
}

pub(crate) const TROUBLES: [Trouble; 4] =
    [Trouble::Off, Trouble::NoWay, Trouble::Unavailable, Trouble::Silent];

impl Trouble {
    pub(crate) fn begin(self, lambda: &Lambda) {
        match self {
            Self::Off => lambda.turn_remote_off(true),
            Self::NoWay => lambda.cut_network(),
            Self::Unavailable => lambda.remote_answers(Answer::Unavailable),
            Self::Silent => lambda.remote_answers(Answer::Silence),
        }
    }

    pub(crate) fn end(self, lambda: &Lambda) {
        match self {
            Self::Off => lambda.turn_remote_off(false),
            Self::NoWay => lambda.mend_network(),
            Self::Unavailable | Self::Silent => lambda.remote_answers(Answer::Ok),
        }
    }
}

/// Every kind of trouble, each with a monotonic clock that runs in freezes and one that does not.
fn seeds() -> impl Iterator<Item = (Settings, Trouble)> {
    (1..=8).map(|seed: u64| (Settings::new(seed), TROUBLES[(seed as usize - 1) / 2]))
}

const fn attempt(event: &Event) -> bool {
    matches!(event, Event::Dialled)
}

const fn arrival(event: &Event) -> bool {
    matches!(event, Event::Arrived { .. })
}

fn acknowledged(journal: &[Entry], from: Duration, until: Duration) -> Vec<u32> {
    let within = journal.iter().filter(|entry| from <= entry.at && entry.at < until);
    within
        .filter_map(|Entry { event, .. }| if let Event::Acknowledged(id) = event { Some(*id) } else { None })
        .collect()
}

fn taken(Ended { journal, .. }: &Ended, profile: u32, until: Duration) -> bool {
    journal.iter().any(|Entry { at, event }| {
        *at < until
            && matches!(event, Event::Arrived { profile: arrived, answer: Answer::Ok, .. } if *arrived == profile)
    })
}

#[test]
fn after_hours_without_the_remote_everything_of_the_last_hour_arrives_and_the_rest_has_expired() {
    for (settings, trouble) in seeds() {
        let (told, times) = std::sync::mpsc::channel();
        let ended = simulate(settings, async move |lambda| {
            let mut dice = Dice::new(7);
            trouble.begin(lambda);
            let (mut invocations, mut holds) = (0, 0);
            while lambda.now() < 3 * HOUR {
                lambda.freeze(dice.ms(2_000..180_000)).await;
                let after = dice.ms(0..200);
                let held = lambda.invoke(Invocation { after, ..Invocation::default() }).await;
                invocations += 1;
                holds += u32::from(held > lambda.way());
            }
            let attempts = lambda.count(attempt);
            assert!(attempts <= 5 * invocations, "{attempts} attempts in {invocations} invocations");
            assert!(holds <= 3 + invocations as u32 / 16, "held {holds} times in vain");
            let recovery = lambda.now();
            trouble.end(lambda);
            for _ in 0..20 {
                lambda.freeze(Duration::from_secs(10)).await;
                let after = dice.ms(0..200);
                lambda.invoke(Invocation { profiles: 0, after, ..Invocation::default() }).await;
            }
            told.send((recovery, lambda.now())).unwrap();
        });
        let (recovery, shutdown) = times.recv().unwrap();
        let young = acknowledged(&ended.journal, shutdown.saturating_sub(HOUR), recovery);
        assert!(young.len() > 20, "{} in the last hour", young.len());
        for profile in young {
            assert!(taken(&ended, profile, shutdown), "{profile} was younger than an hour: {trouble:?}");
        }
        let old = acknowledged(&ended.journal, Duration::ZERO, recovery.saturating_sub(HOUR)).len() as u64;
        assert!(ended.counts.expired >= old, "{old} were older than an hour: {:?}", ended.counts);
    }
}

#[test]
fn a_function_that_runs_for_milliseconds_delivers_again_after_an_outage() {
    for (settings, trouble) in seeds() {
        simulate(settings, async move |lambda| {
            trouble.begin(lambda);
            for _ in 0..20 {
                lambda.freeze(Duration::from_secs(30)).await;
                lambda.invoke(Invocation::default()).await;
            }
            trouble.end(lambda);
            for _ in 0..60 {
                lambda.freeze(Duration::from_secs(30)).await;
                lambda.invoke(Invocation::default()).await;
            }
            let answered = lambda.count(|event| matches!(event, Event::Answered(_)));
            let posted = lambda.profiles() as usize;
            assert!(answered + 5 >= posted, "{answered} of {posted} delivered: {trouble:?}");
        });
    }
}

#[test]
fn an_environment_that_stays_awake_through_an_outage_of_an_hour_tries_now_and_then() {
    // Off: ten seconds until an attempt is given up, five on average until the next. NoWay: five on average.
    for (seed, trouble, fewest, most) in [(1, Trouble::Off, 180, 360), (2, Trouble::NoWay, 400, 900)] {
        let settings =
            Settings { tick: Duration::from_millis(100), latency_ms: (100, 100), ..Settings::new(seed) };
        simulate(settings, async move |lambda| {
            trouble.begin(lambda);
            let quarter = Invocation {
                profiles: 10,
                after: Duration::from_secs(890),
                timeout: Duration::from_secs(900),
                ..Invocation::default()
            };
            for _ in 0..4 {
                lambda.invoke(quarter).await;
            }
            let attempts = lambda.count(attempt);
            assert!((fewest..most).contains(&attempts), "{attempts} attempts in an hour: {trouble:?}");
            trouble.end(lambda);
            let minute = Invocation { profiles: 0, after: Duration::from_secs(60), timeout: HOUR, ..quarter };
            lambda.invoke(minute).await;
            assert_eq!(lambda.count(arrival), 40, "{trouble:?}");
        });
    }
}
