//! The budgets of this project's binary.

use super::contender::{Contender, FLOOR};
use super::figures::{Figures, Metric};
use super::section::Section;
use super::{memory, start};

/// What a build may cost at most.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Budget {
    /// MiB.
    binary: f64,
    /// MiB, in a layer. Only a static binary goes into one.
    zip: Option<f64>,
    /// The time to the first poll, to the floor's: without a dynamic loader.
    first_poll: Option<f64>,
    /// MiB, at the first poll.
    resident: f64,
    /// MiB, after 3,000 profiles of 20 KB over TLS.
    peak: f64,
}

/// What goes into layers.
const STATIC: Budget =
    Budget { binary: 4.0, zip: Some(1.9), first_poll: Some(1.5), resident: 3.0, peak: 8.0 };

/// A build for this machine alone: the C library and its loader come on top.
const DYNAMIC: Budget = Budget { binary: 4.0, zip: None, first_poll: None, resident: 5.0, peak: 10.0 };

/// The budgets that `contender` exceeds, each as a sentence.
pub(super) fn missed(contender: &Contender, figures: &Figures) -> Vec<String> {
    let budget = if contender.is_static { STATIC } else { DYNAMIC };
    let median = |section, setting, name: &str, metric: Metric| {
        figures.find(section, setting, name, metric).map(|figure| figure.spread().median)
    };
    let ours = |metric| median(Section::Memory, "", &contender.name, metric);
    // On a busy machine most starts wait for others to finish; the fastest tenth tells what a start takes by itself.
    let first_poll = |name| {
        let figure = figures.find(Section::Start, start::FULL, name, start::FIRST_POLL);
        figure.map(|figure| figure.spread().p10)
    };
    let to_floor = first_poll(&contender.name).zip(first_poll(FLOOR)).map(|(ours, floor)| ours / floor);
    let checks = [
        (ours(memory::BINARY), Some(budget.binary), "MiB in the binary"),
        (ours(memory::ZIP), budget.zip, "MiB in a layer's zip"),
        (to_floor, budget.first_poll, "times the floor's time to the first poll"),
        (ours(memory::FIRST_POLL), Some(budget.resident), "MiB resident at the first poll"),
        (ours(memory::SMALL_PEAK), Some(budget.peak), "MiB resident at most, in 3,000 profiles over TLS"),
    ];
    let over = checks.into_iter().filter_map(|(measured, budget, what)| {
        let (measured, budget) = (measured?, budget?);
        (measured > budget).then(|| format!("{}: {measured:.2} {what}, not {budget}", contender.name))
    });
    over.collect()
}

#[cfg(test)]
mod tests {
    use super::missed;
    use crate::bench::contender::{Contender, FLOOR, Kind};
    use crate::bench::figures::Figures;
    use crate::bench::section::Section;
    use crate::bench::{memory, start};

    fn contender(is_static: bool) -> Contender {
        Contender { name: "ours".to_owned(), binary: "ours".into(), kind: Kind::Ours, is_static }
    }

    #[test]
    fn a_static_build_is_held_to_more_than_a_dynamic_one() {
        let mut figures = Figures::default();
        figures.row(Section::Start, start::FULL, FLOOR).add(start::FIRST_POLL, 1.0);
        figures.row(Section::Start, start::FULL, "ours").add(start::FIRST_POLL, 2.0);
        figures.row(Section::Memory, "", "ours").add(memory::FIRST_POLL, 3.5).add(memory::BINARY, 3.5);

        assert_eq!(
            missed(&contender(true), &figures),
            [
                "ours: 2.00 times the floor's time to the first poll, not 1.5",
                "ours: 3.50 MiB resident at the first poll, not 3"
            ]
        );
        assert_eq!(missed(&contender(false), &figures), [""; 0]);
    }

    #[test]
    fn what_was_not_measured_is_not_missed() {
        assert_eq!(missed(&contender(true), &Figures::default()), [""; 0]);
    }
}
