//! A spool in a directory of its own, and uploads to put into it.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test may panic"
)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use pyroscope_lambda_extension::spool::{Error, PickUp, Spool};
use pyroscope_lambda_extension::upload::{Endpoint, Upload};
use tempfile::TempDir;
use tokio::time::Instant;

/// The largest entry that a test's queue could hold, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// A spool whose directory does not exist yet.
pub struct Fixture {
    pub spool: Spool,
    pub path: PathBuf,
    _parent: TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with_limit(Spool::DEFAULT_LIMIT)
    }

    pub fn with_limit(limit: u64) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("spool");
        Self { spool: Spool::new(&path, limit), path, _parent: parent }
    }

    pub fn pick_up(&self) -> PickUp {
        self.spool.pick_up(now(), LARGEST).unwrap()
    }

    /// Takes everything out, as a start does: the bodies and the errors.
    pub fn take_all(&self) -> (Vec<Bytes>, Vec<Error>) {
        let (mut bodies, mut errors) = (Vec::new(), Vec::new());
        for found in self.pick_up() {
            match found {
                Ok(recovered) => {
                    bodies.push(recovered.upload.body);
                    recovered.entry.remove().unwrap();
                }
                Err(error) => errors.push(error),
            }
        }
        (bodies, errors)
    }

    /// The names of the files, sorted.
    pub fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The path of the one file there is.
    pub fn only_file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        self.path.join(&files[0])
    }
}

/// A whole number of milliseconds after 1970, as the spool keeps it.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_811_818_123)
}

pub fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// An upload that came `age` ago.
pub fn upload_of_age(age: Duration, body: &[u8]) -> Arc<Upload> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/proto"));
    headers.insert("authorization", HeaderValue::from_static("Bearer of-the-sdk"));
    Arc::new(Upload {
        endpoint: Endpoint::Push,
        query: Some("name=app%7B%7D".to_owned()),
        headers,
        body: Bytes::copy_from_slice(body),
        arrived: now() - age,
    })
}

/// `count` uploads, oldest first, a second apart; each one's body is its number.
pub fn uploads(count: u64) -> Vec<Arc<Upload>> {
    let age = |number| Duration::from_secs(count - number);
    (0..count).map(|number| upload_of_age(age(number), number.to_string().as_bytes())).collect()
}

/// Bodies as text.
pub fn texts(bodies: &[Bytes]) -> Vec<&str> {
    bodies.iter().map(|body| str::from_utf8(body).unwrap()).collect()
}
