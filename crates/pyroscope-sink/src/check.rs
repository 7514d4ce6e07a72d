//! What a server checks before it takes a series: labels, sizes, age.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    refusal::Refusal,
    series::{Profile, SESSION_ID},
};

/// The limits of a server; [`Limits::default`] are those of Pyroscope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// The largest profile without compression, in bytes.
    pub profile_bytes: usize,
    /// The most labels of a series, those that the server adds included.
    pub labels: usize,
    /// The longest label name, in bytes.
    pub label_name_bytes: usize,
    /// The longest label value, in bytes.
    pub label_value_bytes: usize,
    /// How old a profile may be; `None` takes any.
    pub max_age: Option<Duration>,
    /// How far ahead of the clock a profile may be; `None` takes any.
    pub max_ahead: Option<Duration>,
}

/// Why a series' labels are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A pushed series has none.
    #[error("error at least one label pair is required per profile")]
    Missing,
    /// A pushed series doesn't say what kind of profile it is.
    #[error("invalid labels: invalid metric name; add the label __name__, such as process_cpu")]
    NoMetricName,
    /// There are more than the limit.
    #[error("profile series has {count} label names; limit {limit}")]
    TooMany {
        /// How many there are, those that the server adds included.
        count: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// A name is too long.
    #[error("profile has label name too long ({bytes} bytes, limit {limit}): '{start}…'")]
    NameTooLong {
        /// Its first characters.
        start: String,
        /// Its length in bytes.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A value is too long.
    #[error("profile has label value too long ({bytes} bytes, limit {limit}): label '{name}'")]
    ValueTooLong {
        /// The label's name.
        name: String,
        /// The value's length in bytes.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A name has characters that no label name has.
    #[error("invalid label name '{0}'; use A-Z a-z 0-9 _ . and no digit first")]
    InvalidName(String),
    /// A name comes twice.
    #[error("profile has duplicate label name: '{0}'")]
    Duplicate(String),
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 << 20,
            profile_bytes: 4 << 20,
            labels: 30,
            label_name_bytes: 1024,
            label_value_bytes: 2048,
            max_age: Some(Duration::from_secs(60 * 60)),
            max_ahead: Some(Duration::from_secs(10 * 60)),
        }
    }
}

impl Limits {
    /// Checks the labels that a client sent; `added` counts those that the server will add.
    pub(crate) fn check_labels<'a>(
        &self,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        added: usize,
    ) -> Result<(), LabelError> {
        let mut labels: Vec<_> = labels.collect();
        labels.sort_unstable();
        let count = labels.len() + added;
        if count > self.labels {
            return Err(LabelError::TooMany { count, limit: self.labels });
        }
        for (name, value) in &labels {
            self.check_label(name, value)?;
        }
        let twice = labels.windows(2).find_map(|pair| match pair {
            [(first, _), (second, _)] if first == second => Some((*first).to_owned()),
            _ => None,
        });
        twice.map_or(Ok(()), |name| Err(LabelError::Duplicate(name)))
    }

    fn check_label(&self, name: &str, value: &str) -> Result<(), LabelError> {
        if name.len() > self.label_name_bytes {
            let start = name.chars().take(40).collect();
            return Err(LabelError::NameTooLong { start, bytes: name.len(), limit: self.label_name_bytes });
        }
        if value.len() > self.label_value_bytes {
            let (name, bytes) = (name.to_owned(), value.len());
            return Err(LabelError::ValueTooLong { name, bytes, limit: self.label_value_bytes });
        }
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.');
        let first = name.bytes().next().is_some_and(|c| !c.is_ascii_digit());
        if first && name.bytes().all(allowed) {
            Ok(())
        } else {
            Err(LabelError::InvalidName(name.to_owned()))
        }
    }

    /// Checks a profile's age by its own time, else by `fallback` (ns since the epoch); a profile that has neither passes.
    pub(crate) fn check_age(&self, profile: &Profile, fallback: i64, now: SystemTime) -> Result<(), Refusal> {
        let at = if profile.time_nanos == 0 { fallback } else { profile.time_nanos };
        if at == 0 {
            return Ok(());
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, nanos);
        let (age, ahead) = (now.saturating_sub(at), at.saturating_sub(now));
        match (self.max_age.map(nanos), self.max_ahead.map(nanos)) {
            (Some(limit), _) if age > limit => Err(Refusal::TooOld { seconds: age / 1_000_000_000 }),
            (_, Some(limit)) if ahead > limit => Err(Refusal::TooNew { seconds: ahead / 1_000_000_000 }),
            _ => Ok(()),
        }
    }
}

/// Whether the server keeps a label of an ingested name: of those in double underscores only the session id.
pub(crate) fn is_kept(name: &str) -> bool {
    name == SESSION_ID || !name.starts_with("__")
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
