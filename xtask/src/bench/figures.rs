//! Medians and percentiles.

use serde::Serialize;

/// How a figure is spread over its runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    /// Half of the runs are below it.
    pub(super) median: f64,
    /// A tenth of the runs is below it.
    pub(super) p10: f64,
    /// A tenth of the runs is above it.
    pub(super) p90: f64,
    /// One in a hundred is above it.
    pub(super) p99: f64,
}

// === impl Spread ===

impl Spread {
    /// Zeroes when there are no values.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |percent| percentile(&sorted, percent);
        Self { median: at(50), p10: at(10), p90: at(90), p99: at(99) }
    }
}

/// The nearest-rank percentile of values in ascending order.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=100).rev().map(f64::from));

        assert_eq!(spread, Spread { p10: 10.0, median: 50.0, p90: 90.0, p99: 99.0 });
    }

    #[test]
    fn a_single_value_is_all_of_its_percentiles() {
        assert_eq!(Spread::of([7.0]), Spread { p10: 7.0, median: 7.0, p90: 7.0, p99: 7.0 });
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Spread::of([]), Spread { p10: 0.0, median: 0.0, p90: 0.0, p99: 0.0 });
    }
}
