//! Labels and the profiles that came with them.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// The label that keeps instances with equal labels apart.
pub(crate) const SESSION_ID: &str = "__session_id__";
pub(crate) const SERVICE_NAME: &str = "service_name";

/// What one sample counts: a kind and its unit, such as `cpu` in `nanoseconds`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleType {
    /// The kind, such as `cpu` or `inuse_space`.
    pub kind: String,
    /// The unit, such as `nanoseconds` or `bytes`.
    pub unit: String,
}

/// The format in which a profile was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Google's `profile.proto`.
    Pprof,
    /// Lines of `a;b;c 12`.
    Folded,
    /// Java Flight Recorder; only its size is known here.
    Jfr,
    /// OpenTelemetry's profiles signal.
    Otlp,
}

/// One stack and what was measured in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Functions, the root first.
    pub stack: Vec<Arc<str>>,
    /// One value for each of the profile's sample types.
    pub values: Vec<i64>,
}

/// One decoded profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The format it was sent in.
    pub format: Format,
    /// What its values mean, in their order.
    pub sample_types: Vec<SampleType>,
    /// Its samples; none for JFR.
    pub samples: Vec<Sample>,
    /// When it began, in nanoseconds since the epoch; 0 where it doesn't say.
    pub time_nanos: i64,
    /// How long it took, in nanoseconds; 0 where it doesn't say.
    pub duration_nanos: i64,
    /// Its size without compression, in bytes.
    pub uncompressed_bytes: usize,
    /// The `sample_type_config` that came along (Go's SDK).
    pub sample_type_config: Option<serde_json::Value>,
}

/// The label `__session_id__` of a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionId {
    /// There is none.
    Absent,
    /// 16 lower-case hexadecimal characters.
    Valid(String),
    /// Anything else, which a server drops.
    Malformed(String),
}

/// One series of a request: labels and the profiles sent with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The application: `service_name` where it is set, else the name sent to `/ingest`, else `unspecified`.
    pub app: String,
    /// The labels exactly as sent. On `/ingest`, `__name__` is the application's name.
    pub labels: BTreeMap<String, String>,
    /// The profiles.
    pub profiles: Vec<Profile>,
}

/// The application of a series that doesn't name one.
pub(crate) const UNSPECIFIED: &str = "unspecified";

// === impl SampleType ===

impl SampleType {
    pub(crate) fn new(kind: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { kind: kind.into(), unit: unit.into() }
    }
}

impl fmt::Display for SampleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.unit)
    }
}

// === impl Format ===

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pprof => "pprof",
            Self::Folded => "folded",
            Self::Jfr => "jfr",
            Self::Otlp => "otlp",
        })
    }
}

// === impl Profile ===

impl Profile {
    /// A profile of which only the format and the size are known.
    pub(crate) fn opaque(format: Format, uncompressed_bytes: usize) -> Self {
        Self {
            format,
            sample_types: Vec::new(),
            samples: Vec::new(),
            time_nanos: 0,
            duration_nanos: 0,
            uncompressed_bytes,
            sample_type_config: None,
        }
    }

    /// The sum of all samples' values for each sample type.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<SampleType, i64> {
        let mut totals: BTreeMap<SampleType, i64> = BTreeMap::new();
        for (index, sample_type) in self.sample_types.iter().enumerate() {
            let total = totals.entry(sample_type.clone()).or_default();
            for value in self.samples.iter().filter_map(|sample| sample.values.get(index)) {
                *total = total.saturating_add(*value);
            }
        }
        totals
    }
}

// === impl SessionId ===

impl SessionId {
    fn of(labels: &BTreeMap<String, String>) -> Self {
        match labels.get(SESSION_ID) {
            None => Self::Absent,
            Some(id) if id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Self::Valid(id.clone())
            }
            Some(id) => Self::Malformed(id.clone()),
        }
    }
}

// === impl Series ===

impl Series {
    /// The session id.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        SessionId::of(&self.labels)
    }

    /// All sample types of its profiles, sorted.
    #[must_use]
    pub fn sample_types(&self) -> Vec<SampleType> {
        self.totals().into_keys().collect()
    }

    /// The number of samples in its profiles.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.profiles.iter().map(|profile| profile.samples.len()).sum()
    }

    /// The size of its profiles without compression, in bytes.
    #[must_use]
    pub fn uncompressed_bytes(&self) -> usize {
        self.profiles.iter().map(|profile| profile.uncompressed_bytes).sum()
    }

    /// The sum of its profiles' values for each sample type.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<SampleType, i64> {
        let mut totals: BTreeMap<SampleType, i64> = BTreeMap::new();
        for (sample_type, value) in self.profiles.iter().flat_map(Profile::totals) {
            let total = totals.entry(sample_type).or_default();
            *total = total.saturating_add(value);
        }
        totals
    }
}
