//! One request and what became of it; all of them, and their sums.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use http::StatusCode;

use crate::{
    behaviour::Incoming,
    refusal::Refusal,
    series::{SESSION_ID, SampleType, Series, SessionId},
};

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When its body was complete.
    pub at: SystemTime,
    /// The request.
    pub request: Incoming,
    /// The size of its body as sent, in bytes.
    pub body_bytes: usize,
    /// The status of its answer; `None` where the sink hangs or resets the connection.
    pub status: Option<StatusCode>,
    /// Why the server would refuse it. A scripted answer may say otherwise.
    pub refusal: Option<Refusal>,
    /// The series in it, where it isn't refused.
    pub series: Vec<Series>,
    /// Whether what it holds was stored, whatever its client got to know.
    pub stored: bool,
    /// Set once the answer has been handed to the connection.
    pub(crate) answered: Arc<AtomicBool>,
}

/// All arrivals so far, in their order.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Vec<Arc<Arrival>>);

/// What arrived for one set of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedSeries {
    /// The application.
    pub app: String,
    /// The labels that all of it has in common.
    pub labels: BTreeMap<String, String>,
    /// The session ids that it came with.
    pub sessions: BTreeSet<SessionId>,
    /// The number of profiles.
    pub profiles: usize,
    /// The number of samples.
    pub samples: usize,
    /// The size of its profiles without compression, in bytes.
    pub uncompressed_bytes: usize,
    /// The sum of all values of each sample type.
    pub values: BTreeMap<SampleType, i64>,
}

/// Sums over arrivals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// All requests.
    pub requests: usize,
    /// Requests answered with a 2xx.
    pub accepted: usize,
    /// Requests answered with anything else, or not at all.
    pub rejected: usize,
    /// How many requests were answered with each status; those without an answer are missing here.
    pub statuses: BTreeMap<u16, usize>,
    /// Bytes of all bodies, as sent.
    pub body_bytes: usize,
    /// Profiles in accepted requests.
    pub profiles: usize,
    /// Samples in accepted requests.
    pub samples: usize,
    /// Bytes of the profiles in accepted requests, without compression.
    pub uncompressed_bytes: usize,
}

// === impl Arrival ===

impl Arrival {
    /// Lets go of what takes memory; what can be counted stays.
    pub(crate) fn forget_contents(&mut self) {
        self.request.body = Bytes::new();
        let profiles = self.series.iter_mut().flat_map(|series| &mut series.profiles);
        for sample in profiles.flat_map(|profile| &mut profile.samples) {
            sample.stack = Vec::new();
        }
    }

    /// Whether the answer has not gone out: the client can't know what became of its request. It may still go out, and
    /// nobody who waits for arrivals is woken then.
    #[must_use]
    pub fn is_answer_lost(&self) -> bool {
        !self.answered.load(Ordering::Relaxed)
    }

    /// Whether it was answered with a 2xx.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }
}

// === impl Arrivals ===

impl Deref for Arrivals {
    type Target = [Arc<Arrival>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Arrivals {
    type Item = &'a Arc<Arrival>;
    type IntoIter = std::slice::Iter<'a, Arc<Arrival>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Arrivals {
    pub(crate) fn push(&mut self, arrival: Arrival) {
        self.0.push(Arc::new(arrival));
    }

    /// Those answered with a 2xx.
    pub fn accepted(&self) -> impl Iterator<Item = &Arrival> {
        self.iter().map(Arc::as_ref).filter(|arrival| arrival.is_accepted())
    }

    /// Those answered with anything else, or not at all.
    pub fn rejected(&self) -> impl Iterator<Item = &Arrival> {
        self.iter().map(Arc::as_ref).filter(|arrival| !arrival.is_accepted())
    }

    /// Sums over all of them.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for arrival in self {
            totals.requests += 1;
            totals.body_bytes += arrival.body_bytes;
            if let Some(status) = arrival.status {
                *totals.statuses.entry(status.as_u16()).or_default() += 1;
            }
            if !arrival.is_accepted() {
                totals.rejected += 1;
                continue;
            }
            totals.accepted += 1;
            for series in &arrival.series {
                totals.profiles += series.profiles.len();
                totals.samples += series.samples();
                totals.uncompressed_bytes += series.uncompressed_bytes();
            }
        }
        totals
    }

    /// The accepted series, merged where all labels but the session id agree.
    #[must_use]
    pub fn series(&self) -> Vec<MergedSeries> {
        self.merged(|labels| {
            let mut labels = labels.clone();
            labels.remove(SESSION_ID);
            labels
        })
    }

    /// The accepted series, merged where all labels agree.
    #[must_use]
    pub fn series_by_session(&self) -> Vec<MergedSeries> {
        self.merged(BTreeMap::clone)
    }

    fn merged(
        &self,
        key: impl Fn(&BTreeMap<String, String>) -> BTreeMap<String, String>,
    ) -> Vec<MergedSeries> {
        let mut merged: BTreeMap<(String, BTreeMap<String, String>), MergedSeries> = BTreeMap::new();
        for series in self.accepted().flat_map(|arrival| &arrival.series) {
            let labels = key(&series.labels);
            let entry = merged
                .entry((series.app.clone(), labels.clone()))
                .or_insert_with(|| MergedSeries::empty(&series.app, labels));
            entry.add(series);
        }
        merged.into_values().collect()
    }
}

// === impl MergedSeries ===

impl MergedSeries {
    fn empty(app: &str, labels: BTreeMap<String, String>) -> Self {
        Self {
            app: app.to_owned(),
            labels,
            sessions: BTreeSet::new(),
            profiles: 0,
            samples: 0,
            uncompressed_bytes: 0,
            values: BTreeMap::new(),
        }
    }

    fn add(&mut self, series: &Series) {
        self.sessions.insert(series.session_id());
        self.profiles += series.profiles.len();
        self.samples += series.samples();
        self.uncompressed_bytes += series.uncompressed_bytes();
        for (sample_type, value) in series.totals() {
            let sum = self.values.entry(sample_type).or_default();
            *sum = sum.saturating_add(value);
        }
    }
}
