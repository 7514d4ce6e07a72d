//! What arrives at the remote Pyroscope, as far as somebody tells the sandbox of it.

use std::fmt;

use serde::Serialize;

/// A request that the remote was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upload {
    /// The path that it was sent to.
    pub path: String,
    /// The status of its answer; `None` where there was none.
    pub status: Option<u16>,
    /// The size of its body as sent, in bytes.
    pub bytes: usize,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// What was in it.
    pub series: Vec<UploadedSeries>,
}

/// Profiles with the same labels in an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadedSeries {
    /// The application.
    pub app: String,
    /// What was counted, such as `cpu:nanoseconds`, or the format of a profile that is not looked into.
    #[serde(rename = "profileTypes")]
    pub profile_types: Vec<String>,
    /// The number of profiles.
    pub profiles: usize,
    /// The number of samples.
    pub samples: usize,
    /// The size of the profiles without compression.
    pub bytes: usize,
}

// === impl Upload ===

impl Upload {
    /// Whether it was answered with a 2xx.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("not answered")?,
        }
        write!(f, " {}, {} bytes", self.path, self.bytes)?;
        for (index, series) in self.series.iter().enumerate() {
            write!(f, "{} {series}", if index == 0 { ":" } else { ";" })?;
        }
        match &self.refusal {
            Some(refusal) => write!(f, ": {refusal}"),
            None => Ok(()),
        }
    }
}

// === impl UploadedSeries ===

impl fmt::Display for UploadedSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.app, self.profile_types.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_says_what_came_and_what_became_of_it() {
        let series = UploadedSeries {
            app: "orders".to_owned(),
            profile_types: vec!["cpu:nanoseconds".to_owned(), "samples:count".to_owned()],
            profiles: 1,
            samples: 7,
            bytes: 90,
        };
        let path = "/ingest".to_owned();
        let taken = Upload {
            path: path.clone(),
            status: Some(200),
            bytes: 42,
            refusal: None,
            series: vec![series.clone(), series],
        };
        let orders = "orders cpu:nanoseconds, samples:count";
        assert_eq!(taken.to_string(), format!("200 /ingest, 42 bytes: {orders}; {orders}"));
        let refusal = Some("too old".to_owned());
        let refused = Upload { path, status: Some(400), bytes: 42, refusal, series: Vec::new() };
        assert_eq!(refused.to_string(), "400 /ingest, 42 bytes: too old");
        assert!(taken.is_accepted() && !refused.is_accepted());
    }
}
