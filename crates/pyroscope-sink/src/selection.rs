//! Which of the arrived profiles to look at, and their stacks, merged.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    arrival::Arrivals,
    series::{SampleType, Series},
};

/// Kinds that a selection prefers where none is named: what most people look at first.
const PREFERRED: [&str; 4] = ["cpu", "wall", "samples", "inuse_space"];

/// Which of the accepted profiles to look at; by default all of them, in the first sample type of cpu, wall, samples, `inuse_space`, others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    app: Option<String>,
    sample_type: Option<String>,
    labels: BTreeMap<String, String>,
}

/// The stacks of a selection, merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What was selected, in words.
    pub title: String,
    /// What the values mean; `None` where nothing was selected.
    pub sample_type: Option<SampleType>,
    /// The value of each stack, the root first.
    pub stacks: BTreeMap<Vec<Arc<str>>, i64>,
}

// === impl Selection ===

impl Selection {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only this application (`service_name`, or the name sent to `/ingest`).
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// Only values of this type: a kind such as `cpu`, or a kind and a unit such as `cpu:nanoseconds`.
    #[must_use]
    pub fn profile_type(mut self, sample_type: impl Into<String>) -> Self {
        self.sample_type = Some(sample_type.into());
        self
    }

    /// Only series that have this label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Merges the accepted stacks that it selects.
    #[must_use]
    pub fn merge(&self, arrivals: &Arrivals) -> Merged {
        let series: Vec<_> = arrivals
            .accepted()
            .flat_map(|arrival| &arrival.series)
            .filter(|series| self.has(series))
            .collect();
        let sample_type = self.sample_type(&series);
        let mut stacks: BTreeMap<Vec<Arc<str>>, i64> = BTreeMap::new();
        for profile in series.iter().flat_map(|series| &series.profiles) {
            let Some(index) = profile.sample_types.iter().position(|has| Some(has) == sample_type.as_ref())
            else {
                continue;
            };
            for sample in &profile.samples {
                let value = sample.values.get(index).copied().unwrap_or_default();
                if value > 0 {
                    let sum = stacks.entry(sample.stack.clone()).or_default();
                    *sum = sum.saturating_add(value);
                }
            }
        }
        Merged { title: self.title(sample_type.as_ref()), sample_type, stacks }
    }

    fn has(&self, series: &Series) -> bool {
        self.app.as_ref().is_none_or(|app| *app == series.app)
            && self.labels.iter().all(|(name, value)| series.labels.get(name) == Some(value))
    }

    fn sample_type(&self, series: &[&Series]) -> Option<SampleType> {
        let profiles = || series.iter().flat_map(|series| &series.profiles);
        let mut types: Vec<_> = profiles().flat_map(|profile| &profile.sample_types).collect();
        types.sort_unstable_by_key(|has| {
            let rank = PREFERRED.iter().position(|kind| *kind == has.kind).unwrap_or(PREFERRED.len());
            (rank, *has)
        });
        let wanted = |has: &SampleType| match &self.sample_type {
            Some(wanted) => has.kind == *wanted || has.to_string() == *wanted,
            None => true,
        };
        types.into_iter().find(|has| wanted(has)).cloned()
    }

    fn title(&self, sample_type: Option<&SampleType>) -> String {
        let app = self.app.as_deref().unwrap_or("all applications");
        match sample_type {
            Some(sample_type) => format!("{app}: {} ({})", sample_type.kind, sample_type.unit),
            None => app.to_owned(),
        }
    }
}
