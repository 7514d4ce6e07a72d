//! Real processes: start, output, signals, exit.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::event::{Event, Journal, LogLine, Stream};

/// The runtime's name in events, logs and reports.
pub(crate) const RUNTIME: &str = "runtime";

/// How long after an exit what was written before is waited for: another process might hold the pipe open for ever.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// Its exit code, where it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// A process that was started, the leader of its own process group.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) started: Instant,
    /// How and when it ended.
    pub(crate) ended: Option<(Exit, Instant)>,
    /// Whether it was sent SIGKILL.
    pub(crate) killed: bool,
}

// === impl Exit ===

impl Exit {
    fn of(status: &io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => Self { code: status.code(), signal: status.signal() },
            Err(_) => Self { code: None, signal: None },
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => match Signal::try_from(signal) {
                Ok(known) => write!(f, "{known}"),
                Err(_) => write!(f, "signal {signal}"),
            },
            (None, None) => f.write_str("its end was not seen"),
        }
    }
}

// === impl Process ===

impl Process {
    /// Starts `command` in its own process group, its output piped. The child is to be given to [`watch`].
    pub(crate) fn start(name: &str, mut command: Command) -> io::Result<(Self, Child)> {
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process has no id"))?;
        let process =
            Self { name: name.to_owned(), pid, started: Instant::now(), ended: None, killed: false };
        Ok((process, child))
    }

    pub(crate) const fn is_alive(&self) -> bool {
        self.ended.is_none()
    }

    /// Sends a signal to the whole group, where its leader is alive.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.is_alive() {
            self.killed |= signal == Signal::SIGKILL;
            signal_group(self.pid, signal);
        }
    }
}

/// Passes the output of `child` on to the journal, and calls `ended` once it has ended and all that it wrote is there.
pub(crate) fn watch(
    name: String,
    pid: u32,
    mut child: Child,
    journal: Arc<Journal>,
    ended: impl FnOnce(Exit, Instant) + Send + 'static,
) {
    let pumps = [
        child.stdout.take().map(|pipe| pump(pipe, Stream::Stdout, &name, &journal)),
        child.stderr.take().map(|pipe| pump(pipe, Stream::Stderr, &name, &journal)),
    ];
    tokio::spawn(async move {
        let exit = Exit::of(&child.wait().await);
        let at = Instant::now();
        // What it left behind in its group goes with it.
        signal_group(pid, Signal::SIGKILL);
        for mut pump in pumps.into_iter().flatten() {
            if tokio::time::timeout(OUTPUT_GRACE, &mut pump).await.is_err() {
                pump.abort();
            }
        }
        journal.emit(Event::ProcessExited { name, exit });
        ended(exit, at);
    });
}

fn pump(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    stream: Stream,
    name: &str,
    journal: &Arc<Journal>,
) -> JoinHandle<()> {
    let (process, journal) = (name.to_owned(), Arc::clone(journal));
    tokio::spawn(async move {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            journal.emit(Event::Log(LogLine { process: process.clone(), stream, text }));
            line.clear();
        }
    })
}

/// A group that is gone by now is as good as signalled.
fn signal_group(pid: u32, signal: Signal) {
    if let Ok(group) = i32::try_from(pid) {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}
