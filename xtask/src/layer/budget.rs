//! What a layer may weigh: it is fetched and unpacked on cold starts, and shares 250 MB with the function's own code.

use super::architecture::Architecture;
use crate::error::Error;
use crate::table::Table;

/// A megabyte as Lambda's console counts it.
const MIB: f64 = 1024.0 * 1024.0;

/// One of the figures.
#[derive(Debug, Clone, Copy)]
struct Limit {
    what: &'static str,
    /// More than this fails, in MiB.
    budget: f64,
    /// What it is meant to be, in MiB.
    aim: f64,
}

const BINARY: Limit = Limit { what: "binary", budget: 4.0, aim: 3.0 };
const ZIP: Limit = Limit { what: "zip", budget: 1.9, aim: 1.4 };

/// What one layer weighs, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) architecture: Architecture,
    pub(super) binary: usize,
    pub(super) zip: usize,
}

// === impl Sizes ===

impl Sizes {
    fn figures(&self) -> [(Limit, f64); 2] {
        [(BINARY, mib(self.binary)), (ZIP, mib(self.zip))]
    }

    /// The budgets that it exceeds, each as a sentence.
    fn missed(&self) -> Vec<String> {
        let over = self.figures().into_iter().filter(|(limit, size)| *size > limit.budget);
        over.map(|(Limit { what, budget, .. }, size)| {
            format!("the {what} for {} has {size:.2} MiB, its budget is {budget} MiB", self.architecture)
        })
        .collect()
    }
}

/// The figures beside what they may be and what they are meant to be.
pub(super) fn table(all: &[Sizes]) -> Table {
    let mut table = Table::new(["", "MiB", "budget", "aim"]);
    for sizes in all {
        for (Limit { what, budget, aim }, size) in sizes.figures() {
            let name = format!("{}, {what}", sizes.architecture);
            let aim = if size > aim { format!("{aim:.1} (missed)") } else { format!("{aim:.1}") };
            table.row([name, format!("{size:.2}"), format!("{budget:.1}"), aim]);
        }
    }
    table
}

/// Fails where a budget is exceeded.
pub(super) fn check(all: &[Sizes]) -> Result<(), Error> {
    let missed: Vec<String> = all.iter().flat_map(Sizes::missed).collect();
    if missed.is_empty() { Ok(()) } else { Err(Error::OverBudget(missed)) }
}

#[expect(clippy::cast_precision_loss, reason = "a size that is shown with two decimals")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1024 * 1024;

    #[test]
    fn a_layer_of_exactly_its_budget_is_within_it() {
        let sizes = Sizes { architecture: Architecture::Arm64, binary: 4 * MB, zip: 19 * MB / 10 };

        assert_eq!(sizes.missed(), Vec::<String>::new());
    }

    #[test]
    fn each_budget_is_held_by_itself() {
        let sizes = Sizes { architecture: Architecture::Arm64, binary: 5 * MB, zip: MB };
        assert_eq!(sizes.missed(), ["the binary for arm64 has 5.00 MiB, its budget is 4 MiB"]);

        let sizes = Sizes { architecture: Architecture::X86_64, binary: MB, zip: 2 * MB };
        assert_eq!(sizes.missed(), ["the zip for x86_64 has 2.00 MiB, its budget is 1.9 MiB"]);
    }

    #[test]
    fn the_table_says_which_aims_are_missed() {
        let sizes = Sizes { architecture: Architecture::X86_64, binary: 3 * MB, zip: 3 * MB / 2 };
        let table = table(&[sizes]).to_string();

        assert!(table.contains("3.00     4.0           3.0\n"), "{table}");
        assert!(table.contains("1.50     1.9  1.4 (missed)\n"), "{table}");
    }
}
