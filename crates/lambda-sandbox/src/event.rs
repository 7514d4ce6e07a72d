//! What happens in a sandbox, as a stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::connections::Cut;
use crate::cpu::CpuShare;
use crate::error::Fault;
use crate::process::Exit;
use crate::report::{InitReport, Invocation, ShutdownReport};
use crate::settings::ShutdownReason;
use crate::upload::Upload;

/// How many lines of output [`Sandbox::logs`](crate::Sandbox::logs) keeps; the oldest go first.
const KEPT_LINES: usize = 20_000;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The environment starts, for the first time or after a reset.
    InitStarted {
        /// Counts the starts of this sandbox, from 1.
        generation: u64,
    },
    /// An extension's process was started.
    ExtensionStarted {
        /// Its file name.
        name: String,
        /// Its process.
        pid: u32,
    },
    /// An extension registered.
    ExtensionRegistered {
        /// The name it gave.
        name: String,
        /// The events it asked for.
        events: Vec<String>,
    },
    /// An extension subscribed to the Telemetry API.
    TelemetrySubscribed {
        /// The name it registered under.
        name: String,
        /// What it asked for.
        types: Vec<String>,
    },
    /// The function's runtime was started.
    RuntimeStarted {
        /// Its process.
        pid: u32,
    },
    /// An extension, or the runtime (named `runtime`), asked for its first event.
    FirstNext {
        /// Who.
        name: String,
    },
    /// Everybody waits for the first event.
    InitDone(InitReport),
    /// The environment did not come up.
    InitFailed {
        /// Why.
        error: String,
    },
    /// `SnapStart`: the environment goes on from its snapshot.
    RestoreStarted,
    /// `SnapStart`: the runtime waits for its first event.
    RestoreDone {
        /// How long it took.
        #[serde(rename = "durationMs", serialize_with = "crate::report::millis")]
        duration: Duration,
    },
    /// The processes were to have the CPU share that comes with the function's memory.
    CpuShare(CpuShare),
    /// Clients can invoke the function over HTTP.
    Listening {
        /// Where: `host:port`.
        address: String,
    },
    /// INVOKE and the function's event were sent.
    InvokeStarted {
        /// The invocation.
        request_id: String,
        /// Until when it may take, in ms since the epoch.
        deadline_ms: u64,
    },
    /// The runtime posted its response or its error.
    Response {
        /// The invocation.
        request_id: String,
        /// Length of the body.
        bytes: usize,
        /// Whether it was posted as an error.
        error: bool,
    },
    /// The runtime asked for its next event, or never will.
    RuntimeDone {
        /// The invocation.
        request_id: String,
        /// How it went: `success`, `error`, `failure` or `timeout`.
        status: &'static str,
        /// From INVOKE until then.
        #[serde(rename = "durationMs", serialize_with = "crate::report::millis")]
        duration: Duration,
        /// Length of the response.
        bytes: usize,
    },
    /// Everybody waits again, or the invocation failed.
    InvocationDone(Box<Invocation>),
    /// Something that ends the environment.
    Fault(Fault),
    /// Every process was stopped.
    Frozen,
    /// Every process goes on.
    Thawed,
    /// Connections that lead out of the sandbox were to be cut.
    ConnectionsCut(Cut),
    /// Profiles can be sent to a stand-in for the remote Pyroscope.
    RemoteListening {
        /// Where.
        url: String,
    },
    /// Profiles arrived there.
    Upload(Upload),
    /// A line of a process's output.
    Log(LogLine),
    /// A process ended.
    ProcessExited {
        /// Its name.
        name: String,
        /// How.
        exit: Exit,
    },
    /// The shutdown sequence begins.
    ShutdownStarted {
        /// Why.
        reason: ShutdownReason,
        /// Until when it may take, in ms since the epoch.
        deadline_ms: u64,
    },
    /// All processes are gone.
    ShutdownDone(ShutdownReport),
}

/// An [`Event`] and its time.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Since the sandbox was built, in ms.
    #[serde(rename = "sinceStartMs", serialize_with = "crate::report::millis")]
    pub since_start: Duration,
    /// Wall clock, in ms since the epoch.
    #[serde(rename = "epochMs")]
    pub epoch_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A line of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The extension's file name, or `runtime`.
    pub process: String,
    /// Where it was written.
    pub stream: Stream,
    /// The line, without its end; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Adds to a sandbox's stream what it can't see itself.
#[derive(Clone, Debug)]
pub struct Recorder(pub(crate) Arc<Journal>);

/// Sends each event to everybody who asked for them, and keeps the lines of output.
pub(crate) struct Journal {
    started: Instant,
    inner: Mutex<Inner>,
}

/// Is given each record; says whether it wants more.
type Tap = Box<dyn FnMut(&Record) -> bool + Send>;

#[derive(Default)]
struct Inner {
    taps: Vec<Tap>,
    lines: VecDeque<LogLine>,
}

// === impl LogLine ===

impl std::fmt::Display for LogLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {}", self.process, self.text)
    }
}

// === impl Recorder ===

impl Recorder {
    /// Adds an event that happens now.
    pub fn record(&self, event: Event) {
        self.0.emit(event);
    }
}

// === impl Journal ===

impl Journal {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), inner: Mutex::default() }
    }

    pub(crate) fn emit(&self, event: Event) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Log(line) = &event {
            if inner.lines.len() == KEPT_LINES {
                inner.lines.pop_front();
            }
            inner.lines.push_back(line.clone());
        }
        let record = Record { since_start: self.started.elapsed(), epoch_ms: epoch_ms(), event };
        inner.taps.retain_mut(|tap| tap(&record));
    }

    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Record> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.tap(move |record| sender.send(record.clone()).is_ok());
        receiver
    }

    /// Calls `tap` with each record, in order, until it says no. It must not emit itself.
    pub(crate) fn tap(&self, tap: impl FnMut(&Record) -> bool + Send + 'static) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).taps.push(Box::new(tap));
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).lines.iter().cloned().collect()
    }

    /// The last `count` lines of one process, oldest first.
    pub(crate) fn tail(&self, process: &str, count: usize) -> Vec<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tail: Vec<String> = inner
            .lines
            .iter()
            .rev()
            .filter(|line| line.process == process)
            .take(count)
            .map(|line| line.text.clone())
            .collect();
        tail.reverse();
        tail
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("started", &self.started).finish_non_exhaustive()
    }
}

/// Now, in ms since the epoch.
pub(crate) fn epoch_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in whole ms.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
