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
enum Trouble {
    /// Its machine is off: whoever connects waits.
    Off,
    /// Connecting fails at once.
    NoWay,
    /// It answers 503.
    Unavailable,
    /// It never answers.
    Silent,
}

const TROUBLES: [Trouble; 4] = [Trouble::Off, Trouble::NoWay, Trouble::Unavailable, Trouble::Silent];

impl Trouble {
    fn begin(self, lambda: &Lambda) {
        match self {
            Self::Off => lambda.turn_remote_off(true),
            Self::NoWay => lambda.cut_network(),
            Self::Unavailable => lambda.remote_answers(Answer::Unavailable),
            Self::Silent => lambda.remote_answers(Answer::Silence),
        }
    }

    fn end(self, lambda: &Lambda) {
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

fn acknowledged(journal: &[Entry], from: Duration, until: Duration) -> Vec<u32> {
    let within = journal.iter().filter(|entry| from <= entry.at && entry.at < until);
    within.filter_map(|Entry { event, .. }| if let Event::Acknowledged(id) = event { Some(*id) } else { None }).collect()
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
            let outage = 3 * HOUR;
            while lambda.now() < outage {
                lambda.freeze(dice.ms(2_000..180_000)).await;
                let after = dice.ms(0..300);
                lambda.invoke(Invocation { after, ..Invocation::default() }).await;
            }
            let recovery = lambda.now();
            trouble.end(lambda);
            for _ in 0..20 {
                lambda.freeze(Duration::from_secs(10)).await;
                lambda.invoke(Invocation { profiles: 0, after: dice.ms(0..300), ..Invocation::default() }).await;
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
