//! An arrival as a line for people and as a line of JSON.

use std::{collections::BTreeMap, fmt, time::UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    arrival::{Arrival, MergedSeries, Totals},
    series::{SampleType, Series, SessionId},
};

// === impl Arrival ===

impl Arrival {
    /// One JSON object: what came, what was answered, and the series without their stacks.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = self.at.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        json!({
            "at": at,
            "method": self.request.method.as_str(),
            "path": self.request.path,
            "query": self.request.query,
            "status": self.status.map(|status| status.as_u16()),
            "refusal": self.refusal.as_ref().map(ToString::to_string),
            "body_bytes": self.body_bytes,
            "series": self.series.iter().map(Series::to_json).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{}", status.as_u16())?,
            None => write!(f, "---")?,
        }
        write!(f, " {} {} {} B", self.request.method, self.request.path, self.body_bytes)?;
        if let Some(refusal) = &self.refusal {
            write!(f, " refused: {refusal}")?;
        }
        for series in &self.series {
            write!(f, " | {series}")?;
        }
        Ok(())
    }
}

// === impl Series ===

impl Series {
    fn to_json(&self) -> Value {
        let session_id = match self.session_id() {
            SessionId::Absent => Value::Null,
            SessionId::Valid(id) => json!({"id": id, "valid": true}),
            SessionId::Malformed(id) => json!({"id": id, "valid": false}),
        };
        json!({
            "app": self.app,
            "labels": self.labels,
            "session_id": session_id,
            "formats": self.profiles.iter().map(|profile| profile.format.to_string()).collect::<Vec<_>>(),
            "profiles": self.profiles.len(),
            "samples": self.samples(),
            "uncompressed_bytes": self.uncompressed_bytes(),
            "values": values(&self.totals()),
        })
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{} {{{}}}", self.app, labels.join(", "))?;
        for (sample_type, total) in self.totals() {
            write!(f, " {sample_type}={total}")?;
        }
        if matches!(self.session_id(), SessionId::Malformed(_)) {
            write!(f, " (malformed session id)")?;
        }
        write!(f, " {} samples, {} B", self.samples(), self.uncompressed_bytes())
    }
}

fn values(totals: &BTreeMap<SampleType, i64>) -> Value {
    totals.iter().map(|(sample_type, total)| (sample_type.to_string(), json!(total))).collect()
}

// === impl MergedSeries ===

impl MergedSeries {
    /// One JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let present = |session: &&SessionId| **session != SessionId::Absent;
        json!({
            "app": self.app,
            "labels": self.labels,
            "sessions": self.sessions.iter().filter(present).count(),
            "profiles": self.profiles,
            "samples": self.samples,
            "uncompressed_bytes": self.uncompressed_bytes,
            "values": values(&self.values),
        })
    }
}

// === impl Totals ===

impl Totals {
    /// One JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "statuses": self.statuses,
            "body_bytes": self.body_bytes,
            "profiles": self.profiles,
            "samples": self.samples,
            "uncompressed_bytes": self.uncompressed_bytes,
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests ({} accepted, {} rejected), {} profiles, {} samples, {} B sent, {} B uncompressed",
            self.requests,
            self.accepted,
            self.rejected,
            self.profiles,
            self.samples,
            self.body_bytes,
            self.uncompressed_bytes
        )
    }
}
