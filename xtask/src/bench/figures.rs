//! What was measured: values with a name, and how they are spread.

use serde::{Serialize, Serializer};

use super::section::Section;

/// What a value is a value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metric {
    /// The heading of its column, without the unit.
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// Whether its ratio to the first contender's is worth a column.
    pub(super) compared: bool,
}

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Mebibytes,
    /// A million of them.
    Millions,
    /// A number of things.
    Count,
}

/// All values of one metric, of one contender in one setting, in the order in which they were measured.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub(super) section: Section,
    /// Under which circumstances; empty where a section has no others.
    pub(super) setting: String,
    pub(super) contender: String,
    pub(super) metric: Metric,
    pub(super) values: Vec<f64>,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(super) struct Figures(Vec<Figure>);

/// Where values of one row belong.
pub(super) struct Row<'figures> {
    figures: &'figures mut Figures,
    section: Section,
    setting: String,
    contender: String,
}

/// How values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) runs: usize,
    pub(super) min: f64,
    /// A tenth of the values is below it.
    pub(super) p10: f64,
    /// Half of the values are below it.
    pub(super) median: f64,
    /// A tenth of the values is above it.
    pub(super) p90: f64,
    /// One in a hundred is above it.
    pub(super) p99: f64,
    pub(super) max: f64,
}

// === impl Metric ===

impl Metric {
    pub(super) const fn new(name: &'static str, unit: Unit) -> Self {
        Self { name, unit, compared: false }
    }

    /// With a column for its ratio.
    pub(super) const fn compared(self) -> Self {
        Self { compared: true, ..self }
    }

    /// The heading of its column.
    pub(super) fn heading(self) -> String {
        match self.unit.symbol() {
            "" => self.name.to_owned(),
            symbol => format!("{} {symbol}", self.name),
        }
    }
}

// === impl Unit ===

impl Unit {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Mebibytes => "MiB",
            Self::Millions => "million",
            Self::Count => "",
        }
    }

    /// A value with as many decimals as tell something.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds | Self::Mebibytes | Self::Millions if value.abs() < 100.0 => {
                format!("{value:.2}")
            }
            _ => format!("{value:.0}"),
        }
    }
}

// === impl Figures ===

impl Figures {
    pub(super) fn row(&mut self, section: Section, setting: &str, contender: &str) -> Row<'_> {
        Row { figures: self, section, setting: setting.to_owned(), contender: contender.to_owned() }
    }

    pub(super) fn of(&self, section: Section) -> impl Iterator<Item = &Figure> {
        self.0.iter().filter(move |figure| figure.section == section)
    }

    /// The values of one metric of one contender, wherever its setting has this in its name.
    pub(super) fn find(
        &self,
        section: Section,
        setting: &str,
        contender: &str,
        metric: Metric,
    ) -> Option<&Figure> {
        self.of(section).find(|figure| {
            figure.setting == setting && figure.contender == contender && figure.metric == metric
        })
    }

    pub(super) fn all(&self) -> &[Figure] {
        &self.0
    }
}

// === impl Row ===

impl Row<'_> {
    /// Adds a value.
    pub(super) fn add(&mut self, metric: Metric, value: f64) -> &mut Self {
        let known = self.figures.0.iter_mut().find(|figure| {
            figure.section == self.section
                && figure.metric == metric
                && figure.setting == self.setting
                && figure.contender == self.contender
        });
        if let Some(figure) = known {
            figure.values.push(value);
        } else {
            self.figures.0.push(Figure {
                section: self.section,
                setting: self.setting.clone(),
                contender: self.contender.clone(),
                metric,
                values: vec![value],
            });
        }
        self
    }
}

// === impl Figure ===

impl Figure {
    pub(super) fn spread(&self) -> Spread {
        Spread::of(self.values.iter().copied())
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'figure> {
            section: Section,
            setting: &'figure str,
            contender: &'figure str,
            metric: &'figure str,
            unit: &'figure str,
            #[serde(flatten)]
            spread: Spread,
        }
        let line = Line {
            section: self.section,
            setting: &self.setting,
            contender: &self.contender,
            metric: self.metric.name,
            unit: self.metric.unit.symbol(),
            spread: self.spread(),
        };
        line.serialize(serializer)
    }
}

// === impl Spread ===

impl Spread {
    /// Zeroes when there are no values.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |percent| percentile(&sorted, percent);
        Self {
            runs: sorted.len(),
            min: at(0),
            p10: at(10),
            median: at(50),
            p90: at(90),
            p99: at(99),
            max: at(100),
        }
    }
}

/// The nearest-rank percentile of values in ascending order.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Figures, Metric, Spread, Unit};
    use crate::bench::section::Section;

    const TIME: Metric = Metric::new("time", Unit::Milliseconds);

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let spread = Spread::of((1..=100).rev().map(f64::from));

        assert_eq!((spread.min, spread.p10, spread.median), (1.0, 10.0, 50.0));
        assert_eq!((spread.p90, spread.p99, spread.max), (90.0, 99.0, 100.0));
    }

    #[test]
    fn a_single_value_is_all_of_its_percentiles() {
        let spread = Spread::of([7.0]);

        assert_eq!((spread.min, spread.median, spread.p99, spread.max), (7.0, 7.0, 7.0, 7.0));
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Spread::of([]).median.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn values_of_one_row_and_metric_are_kept_together() {
        let mut figures = Figures::default();
        for value in [1.0, 2.0] {
            figures.row(Section::Start, "", "a").add(TIME, value);
            figures.row(Section::Start, "", "b").add(TIME, value * 10.0);
        }

        assert_eq!(figures.find(Section::Start, "", "b", TIME).unwrap().values, [10.0, 20.0]);
        assert_eq!(figures.all().len(), 2);
    }

    #[test]
    fn small_values_have_decimals() {
        assert_eq!(Unit::Milliseconds.show(0.604), "0.60");
        assert_eq!(Unit::Milliseconds.show(1400.4), "1400");
        assert_eq!(Unit::Microseconds.show(46.4), "46");
    }
}
