//! What became of every profile that was acknowledged: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::load::ledger::Entries;

/// An answer that goes out at the very end of a process may not be read any more.
const CLOSE: Duration = Duration::from_millis(100);

/// What is known at the end of a run.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) entries: Entries,
    /// What the remote stored.
    pub(super) stored: Vec<Stored>,
    /// Profiles that the remote refused for good, as it was told to.
    pub(super) refused: BTreeSet<u64>,
    /// How each process of the extension ended, in the order of their starts.
    pub(super) ends: Vec<End>,
    /// From when to when the environment was frozen.
    pub(super) frozen: Vec<(SystemTime, SystemTime)>,
    /// What the extension says of itself, all processes together.
    pub(super) counted: Counted,
}

/// A profile that the remote stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) at: SystemTime,
    /// Whether the answer never went out.
    pub(super) answer_lost: bool,
    /// Whether the answer was bytes of our own: in drips, without an end, with a word before it.
    pub(super) odd_answer: bool,
    /// What is wrong with it.
    pub(super) altered: Option<String>,
}

/// How a process of the extension ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: SystemTime,
    /// Without a shutdown: what it had is lost, by the promise.
    pub(super) killed: bool,
}

/// The extension's own counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) expired: u64,
    pub(super) evicted: u64,
    pub(super) spooled: u64,
    pub(super) recovered: u64,
    /// Neither delivered nor spooled for lack of time or room: what must not be.
    pub(super) lost: u64,
}

/// What became of every profile.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) acknowledged: usize,
    pub(super) turned_away: usize,
    pub(super) delivered: usize,
    /// Stored more than once, since the answer before was lost or came too late.
    pub(super) excused_duplicates: usize,
    /// Stored more than once after an answer that the extension might have understood: it came in a freeze, or was odd.
    pub(super) needless_duplicates: usize,
    pub(super) refused: usize,
    pub(super) lost_by_kill: usize,
    /// Expired or evicted, by the extension's own count.
    pub(super) given_up: usize,
    pub(super) counted: Counted,
    /// Everything that the promise does not allow, each as a sentence.
    pub(super) wrong: Vec<String>,
}

// === impl Account ===

impl Account {
    /// With `strict`, no duplicate is needless and all the same right.
    pub(super) fn of(evidence: &Evidence, strict: bool) -> Self {
        let acknowledged = &evidence.entries.acknowledged;
        let mut account = Self {
            acknowledged: acknowledged.len(),
            turned_away: evidence.entries.turned_away.len(),
            counted: evidence.counted,
            ..Self::default()
        };
        let mut stored: BTreeMap<u64, Vec<&Stored>> = BTreeMap::new();
        for one in &evidence.stored {
            stored.entry(one.number).or_default().push(one);
        }
        let mut missing = Vec::new();
        for (number, life) in acknowledged {
            if stored.contains_key(number) {
                account.delivered += 1;
            } else if evidence.refused.contains(number) {
                account.refused += 1;
            } else if evidence.ends.get(*life).is_some_and(|end| end.killed) {
                account.lost_by_kill += 1;
            } else {
                missing.push((*number, *life));
            }
        }
        let allowed = usize::try_from(evidence.counted.expired + evidence.counted.evicted).unwrap_or(0);
        if missing.len() <= allowed {
            account.given_up = missing.len();
        } else {
            let lost = ranges(&missing).into_iter().map(|(first, last, life)| {
                if first == last {
                    format!("profile {first}, acknowledged by process {life}, never arrived")
                } else {
                    format!("profiles {first} to {last}, acknowledged by process {life}, never arrived")
                }
            });
            account.wrong.extend(lost);
        }
        for (number, copies) in &stored {
            account.check_copies(*number, copies, evidence, strict);
        }
        account
    }

    fn check_copies(&mut self, number: u64, copies: &[&Stored], evidence: &Evidence, strict: bool) {
        let altered = copies.iter().filter_map(|copy| copy.altered.as_ref());
        self.wrong.extend(altered.map(|what| format!("profile {number} arrived altered: {what}")));
        let Some((_, before)) = copies.split_last() else { return };
        // Each copy but the last has to be one that the extension could not know of.
        for copy in before {
            let in_freeze = |(from, to): &(SystemTime, SystemTime)| copy.at + CLOSE > *from && copy.at < *to;
            if copy.answer_lost || evidence.ends.iter().any(|end| end.cuts_off(copy.at)) {
                self.excused_duplicates += 1;
            } else if !strict && (copy.odd_answer || evidence.frozen.iter().any(in_freeze)) {
                self.needless_duplicates += 1;
            } else {
                self.wrong
                    .push(format!("profile {number} was delivered again after an answer that was not lost"));
            }
        }
    }
}

/// Numbers that follow one another and belong to one life, as the first and the last of them.
fn ranges(missing: &[(u64, usize)]) -> Vec<(u64, u64, usize)> {
    let mut ranges: Vec<(u64, u64, usize)> = Vec::new();
    for (number, life) in missing {
        match ranges.last_mut() {
            Some((_, last, of)) if *last + 1 == *number && of == life => *last = *number,
            _ => ranges.push((*number, *number, *life)),
        }
    }
    ranges
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { expired, evicted, spooled, recovered, lost } = self.counted;
        let rows = [
            ("acknowledged", self.acknowledged),
            ("turned away, and so not promised", self.turned_away),
            ("delivered", self.delivered),
            ("duplicates after a lost answer", self.excused_duplicates),
            ("duplicates over a freeze or an odd answer", self.needless_duplicates),
            ("refused for good, on purpose", self.refused),
            ("lost by a kill", self.lost_by_kill),
            ("given up (expired or evicted)", self.given_up),
            ("not accounted for", self.wrong.len()),
        ];
        for (what, count) in rows {
            writeln!(f, "  {count:>6}  {what}")?;
        }
        writeln!(
            f,
            "  The extension counts {expired} expired, {evicted} evicted, {spooled} spooled, {recovered} recovered, {lost} lost."
        )
    }
}

// === impl End ===

impl End {
    fn cuts_off(&self, at: SystemTime) -> bool {
        let before = self.at.duration_since(at).unwrap_or_default();
        let after = at.duration_since(self.at).unwrap_or_default();
        before <= CLOSE && after <= CLOSE
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{Account, End, Evidence, Stored};
    use crate::load::ledger::Entries;

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn stored(number: u64, seconds: u64, answer_lost: bool) -> Stored {
        Stored {
            number,
            at: start() + Duration::from_secs(seconds),
            answer_lost,
            odd_answer: false,
            altered: None,
        }
    }

    /// Two processes: the first is killed after 10 s, the second ends in order after 20 s.
    fn evidence(ledger: &str, stored: Vec<Stored>) -> Evidence {
        let end = |seconds, killed| End { at: start() + Duration::from_secs(seconds), killed };
        let ends = vec![end(10, true), end(20, false)];
        Evidence { entries: Entries::read(ledger), stored, ends, ..Evidence::default() }
    }

    #[test]
    fn a_profile_that_never_arrived_is_lost_unless_its_process_was_killed() {
        let account = Account::of(&evidence("started\n1 200\nstarted\n2 200\n3 503\n", Vec::new()), true);

        assert_eq!((account.acknowledged, account.turned_away, account.lost_by_kill), (2, 1, 1));
        assert_eq!(account.wrong, ["profile 2, acknowledged by process 1, never arrived"]);
    }

    #[test]
    fn lost_profiles_that_follow_one_another_are_told_of_together() {
        let ledger = "started\n9 200\nstarted\n1 200\n2 200\n3 200\n5 200\n";
        let mut evidence = evidence(ledger, Vec::new());
        evidence.ends.truncate(0);
        let wrong = Account::of(&evidence, true).wrong;

        assert_eq!(wrong.len(), 3);
        assert_eq!(wrong[0], "profiles 1 to 3, acknowledged by process 1, never arrived");
    }

    #[test]
    fn a_duplicate_is_excused_where_the_answer_before_was_lost_or_came_too_late() {
        for (copies, excused, wrong) in [
            (vec![stored(1, 1, true), stored(1, 2, false)], 1, 0),
            (vec![stored(1, 1, true), stored(1, 2, true), stored(1, 3, false)], 2, 0),
            (vec![stored(1, 1, false), stored(1, 2, false)], 0, 1),
            (vec![stored(1, 1, false), stored(1, 2, true)], 0, 1),
            (vec![stored(1, 10, false), stored(1, 11, false)], 1, 0),
        ] {
            let account = Account::of(&evidence("started\nstarted\n1 200\n", copies), true);
            assert_eq!((account.excused_duplicates, account.wrong.len()), (excused, wrong));
            assert_eq!(account.delivered, 1);
        }
    }

    #[test]
    fn a_duplicate_over_a_freeze_or_an_odd_answer_is_needless_and_strictly_wrong() {
        let mut frozen =
            evidence("started\nstarted\n1 200\n", vec![stored(1, 3, false), stored(1, 5, false)]);
        frozen.frozen = vec![(start() + Duration::from_secs(2), start() + Duration::from_secs(4))];
        let mut odd = evidence("started\nstarted\n1 200\n", vec![stored(1, 3, false), stored(1, 5, false)]);
        odd.stored[0].odd_answer = true;
        for evidence in [frozen, odd] {
            let account = Account::of(&evidence, false);
            assert_eq!((account.needless_duplicates, account.wrong.len()), (1, 0));
            assert_eq!(Account::of(&evidence, true).wrong.len(), 1);
        }
    }

    #[test]
    fn refused_evicted_and_altered_profiles_are_told_apart() {
        let mut evidence = evidence("started\nstarted\n1 200\n2 200\n3 200\n", vec![stored(3, 1, false)]);
        evidence.refused.insert(1);
        evidence.counted.evicted = 1;
        evidence.stored[0].altered = Some("the body differs".to_owned());
        let account = Account::of(&evidence, true);

        assert_eq!((account.refused, account.given_up, account.delivered), (1, 1, 1));
        assert_eq!(account.wrong, ["profile 3 arrived altered: the body differs"]);
    }
}
