//! The extension's own CPU profile, sent through its own queue: credentials, tenant, headers and the last flush at
//! shutdown hold for it as for any other.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::pprof::{ProfilerGuard, ProfilerGuardBuilder, Symbol};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};
use tokio::time::sleep;

use crate::clock::Clock;
use crate::pprof::{self, Stack};
use crate::queue::Queue;
use crate::upload::{Endpoint, Upload};

/// The name of the application under which the profile appears.
const NAME: &str = "pyroscope.lambda.extension";

/// How often the stack is looked at, in Hz of CPU time; a frozen or idle extension costs nothing.
const FREQUENCY: i32 = 100;

/// How often a profile is sent.
const INTERVAL: Duration = Duration::from_secs(10);

/// Samples the extension's own CPU time.
pub struct SelfProfiler {
    queue: Arc<Queue>,
    clock: Clock,
    sampling: Mutex<Option<Sampling>>,
}

impl fmt::Debug for SelfProfiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfProfiler").finish_non_exhaustive()
    }
}

/// What has been sampled since the latest profile was sent.
struct Sampling {
    guard: ProfilerGuard<'static>,
    since: SystemTime,
}

/// The extension can't be profiled.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("self-profiling: {0}")]
    Profiler(#[from] ::pprof::Error),
    #[error("self-profiling: {0}")]
    Compress(#[from] io::Error),
}

// === impl SelfProfiler ===

impl SelfProfiler {
    /// Starts to sample, and to send a profile every ten seconds through `queue`; says in the log where it can't.
    #[must_use]
    pub fn start(queue: &Arc<Queue>, clock: Clock) -> Option<Arc<Self>> {
        let sampling = Sampling::start(clock).map_err(|error| tracing::error!("{error}")).ok()?;
        let profiler = Self { queue: Arc::clone(queue), clock, sampling: Mutex::new(Some(sampling)) };
        let profiler = Arc::new(profiler);
        let sending = Arc::clone(&profiler);
        tokio::spawn(async move {
            loop {
                sleep(INTERVAL).await;
                sending.flush();
            }
        });
        Some(profiler)
    }

    /// Sends what has been sampled so far, and samples on.
    pub fn flush(&self) {
        let mut sampling = self.sampling.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(finished) = sampling.take() else { return };
        let upload = finished.into_upload(self.clock);
        match upload.and_then(|upload| Ok((upload, Sampling::start(self.clock)?))) {
            Ok((upload, next)) => {
                *sampling = Some(next);
                drop(sampling);
                if let Some(upload) = upload
                    && let Err(error) = self.queue.accept(upload)
                {
                    tracing::debug!(%error, "no room for the extension's own profile");
                }
            }
            Err(error) => tracing::error!(%error, "self-profiling ends"),
        }
    }
}

// === impl Sampling ===

impl Sampling {
    fn start(clock: Clock) -> Result<Self, Error> {
        let guard = ProfilerGuardBuilder::default()
            .frequency(FREQUENCY)
            .blocklist(&["libc", "libgcc", "pthread", "vdso"])
            .build()?;
        Ok(Self { guard, since: clock.now().wall })
    }

    /// Ends it; nothing where no CPU time was used.
    fn into_upload(self, clock: Clock) -> Result<Option<Upload>, Error> {
        let report = self.guard.report().build()?;
        drop(self.guard);
        if report.data.is_empty() {
            return Ok(None);
        }
        let until = clock.now().wall;
        let period = 1_000_000_000 / u64::from(FREQUENCY.unsigned_abs());
        let stacks = report.data.iter().map(|(frames, samples)| Stack {
            functions: frames.frames.iter().flatten().map(Symbol::name).collect(),
            nanos: u64::try_from(*samples).unwrap_or_default().saturating_mul(period),
        });
        let profile = pprof::encode(stacks, self.since, until, period);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&profile)?;
        let body = Bytes::from(gzip.finish()?);
        let (from, to) = (epoch_seconds(self.since), epoch_seconds(until));
        let query = format!(
            "name={NAME}&from={from}&until={to}&format=pprof&spyName=pyroscope-rs&sampleRate={FREQUENCY}"
        );
        let content_type = HeaderValue::from_static("application/octet-stream");
        Ok(Some(Upload {
            endpoint: Endpoint::Ingest,
            query: Some(query),
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]),
            body,
            arrived: until,
        }))
    }
}

fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
