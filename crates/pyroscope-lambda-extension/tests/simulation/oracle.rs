//! What must hold whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pyroscope_lambda_extension::backlog::Counts;

use crate::journal::{Arrival, Entry, Event, Profile};
use crate::remote::Answer;

/// Checks the journal of a whole simulation against the extension's own counts, which it gives back.
///
/// - Every acknowledged profile is accounted for, exactly once.
/// - What the extension says was delivered or refused is what the remote told it.
/// - A profile that never arrived was refused, expired, evicted, or left at the shutdown.
/// - None comes again once the extension knows that the remote has it, or will never have it.
pub(crate) fn verify(journal: &[Entry]) -> Counts {
    let facts = Facts::of(journal);
    let counts = facts.counts.expect("the extension has ended");
    let Counts { accepted, delivered, refused, expired, evicted, .. } = counts;
    assert_eq!(accepted, facts.acknowledged.len() as u64, "accepted is what SDKs were told");
    let settled = delivered + refused + expired + evicted;
    assert!(settled <= accepted, "more ended than began: {counts:?}");
    let left = accepted - settled;

    let told = |which: fn(Answer) -> bool| -> BTreeSet<Profile> {
        let told = facts
            .arrivals
            .iter()
            .filter(|(arrival, (_, answer))| which(*answer) && facts.answered.contains(arrival));
        told.map(|(_, (profile, _))| *profile).collect()
    };
    assert_eq!(delivered, told(Answer::is_success).len() as u64, "delivered is what the remote said it has");
    assert_eq!(refused, told(|answer| answer == Answer::Refusal).len() as u64, "refused, too");

    let arrived: BTreeSet<Profile> = facts.arrivals.values().map(|(profile, _)| *profile).collect();
    let strangers = arrived.difference(&facts.acknowledged).count();
    assert_eq!(strangers, 0, "only what was acknowledged arrives");
    let taken = facts.arrivals.values().filter(|(_, answer)| {
        answer.is_success() || matches!(answer, Answer::Lost | Answer::Silence | Answer::Refusal)
    });
    let taken: BTreeSet<Profile> = taken.map(|(profile, _)| *profile).collect();
    let missing = facts.acknowledged.difference(&taken).count() as u64;
    assert!(missing <= expired + evicted + left, "{missing} are missing without a reason: {counts:?}");
    let too_young = facts.duration() <= Duration::from_secs(3_600);
    assert!(expired == 0 || !too_young, "nothing expires within an hour");

    let mut over = BTreeSet::new();
    for entry in journal {
        match entry.event {
            Event::Arrived { profile, .. } => assert!(!over.contains(&profile), "{profile} came again"),
            Event::Answered(arrival) => {
                let (profile, answer) = facts.arrivals[&arrival];
                if answer.is_success() || answer == Answer::Refusal {
                    over.insert(profile);
                }
            }
            _ => {}
        }
    }
    counts
}

struct Facts {
    counts: Option<Counts>,
    acknowledged: BTreeSet<Profile>,
    arrivals: BTreeMap<Arrival, (Profile, Answer)>,
    answered: BTreeSet<Arrival>,
    last: Duration,
}

impl Facts {
    fn of(journal: &[Entry]) -> Self {
        let mut facts = Self {
            counts: None,
            acknowledged: BTreeSet::new(),
            arrivals: BTreeMap::new(),
            answered: BTreeSet::new(),
            last: Duration::ZERO,
        };
        for Entry { at, event } in journal {
            facts.last = *at;
            match event {
                Event::Acknowledged(profile) => {
                    assert!(facts.acknowledged.insert(*profile), "{profile} was acknowledged twice");
                }
                Event::Arrived { profile, arrival, answer } => {
                    facts.arrivals.insert(*arrival, (*profile, *answer));
                }
                Event::Answered(arrival) => {
                    assert!(facts.answered.insert(*arrival), "{arrival} was answered twice");
                }
                Event::Ended(counts) => facts.counts = Some(*counts),
                _ => {}
            }
        }
        facts
    }

    const fn duration(&self) -> Duration {
        self.last
    }
}
