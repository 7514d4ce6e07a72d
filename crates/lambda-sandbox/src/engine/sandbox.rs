//! What the caller holds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::state::Environment;
use super::{Call, Shared, freeze, init, invoke, restore, shutdown};
use crate::api;
use crate::connections::Cut;
use crate::cpu::CpuShare;
use crate::error::{Fault, InitError, InvokeError};
use crate::event::{Event, Journal, LogLine, Record};
use crate::memory;
use crate::process::RUNTIME;
use crate::report::{InitReport, Invocation, ShutdownReport};
use crate::settings::{Builder, InitializationType, Settings, ShutdownReason};

/// An execution environment with its processes; they are killed when it is dropped.
///
/// It lives on the `tokio` runtime that it was started on: whoever blocks that one stops the APIs too.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    directory: Directory,
    server: JoinHandle<()>,
    /// Held by the one invocation that an environment serves at a time, and by resets.
    phase: Mutex<Phase>,
    init: StdMutex<InitReport>,
}

/// Where an environment is between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    /// It was reset: the next invocation starts it anew.
    Reset,
    Ended,
}

/// What stands for the file system of an environment.
#[derive(Debug)]
pub(super) struct Directory {
    /// Removes all of it when it is dropped.
    _root: TempDir,
    pub(super) opt: PathBuf,
    pub(super) tmp: PathBuf,
}

// === impl Sandbox ===

impl Sandbox {
    /// Describes a sandbox around a function whose bootstrap (the program that speaks the Runtime API) is `program`.
    pub fn builder(program: impl Into<PathBuf>) -> Builder {
        Builder::new(program)
    }

    pub(crate) async fn start(settings: Settings, journal: Arc<Journal>) -> Result<Self, InitError> {
        let directory = Directory::create()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(settings, address, journal));
        let routes = api::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // It ends with the task: there is nothing to say to those who are still connected.
            let _ = axum::serve(listener, routes).await;
        });
        let report = InitReport {
            generation: 0,
            total: Duration::ZERO,
            runtime: Duration::ZERO,
            extensions: Vec::new(),
        };
        let sandbox =
            Self { shared, directory, server, phase: Mutex::new(Phase::Ready), init: StdMutex::new(report) };
        sandbox.initialise().await?;
        Ok(sandbox)
    }

    /// Runs the function once: returns when the runtime and every extension are back in `next`, or when the invocation has failed.
    ///
    /// Calls queue up, as an environment serves one at a time; under Managed Instances they run side by side.
    /// A fault (timeout, crash) is part of the [`Invocation`]: the environment has been reset then, and the next call starts it anew.
    pub async fn invoke(&self, payload: impl Into<bytes::Bytes>) -> Result<Invocation, InvokeError> {
        self.call(Call { payload: payload.into(), ..Call::default() }).await
    }

    /// The same with another timeout than the function's own.
    pub async fn invoke_within(
        &self,
        payload: impl Into<bytes::Bytes>,
        timeout: Duration,
    ) -> Result<Invocation, InvokeError> {
        self.call(Call { payload: payload.into(), timeout: Some(timeout), ..Call::default() }).await
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Invocation, InvokeError> {
        let mut phase = self.phase.lock().await;
        let init = match *phase {
            Phase::Ended => return Err(InvokeError::Ended),
            Phase::Ready => None,
            Phase::Reset => {
                let report = self.initialise().await?;
                *phase = Phase::Ready;
                Some(report)
            }
        };
        if self.shared.settings.is_managed() {
            drop(phase);
            return Ok(self.invoke_beside_others(call).await);
        }
        if self.shared.settings.initialization == InitializationType::SnapStart
            && !self.shared.lock().restored
        {
            // A fault is found by the invocation that it fails.
            if let Err(fault) = restore::restore(&self.shared).await {
                self.shared.update(|environment| environment.fault.get_or_insert(fault).clone());
            }
        }
        self.thaw();
        let mut invocation = invoke::invoke(&self.shared, call).await;
        invocation.init = init;
        if let Some(fault) = &invocation.fault {
            let reason = shutdown::reason_for(fault);
            invocation.reset = Some(shutdown::shutdown(&self.shared, reason).await);
            *phase = Phase::Reset;
        } else if self.shared.settings.freeze {
            self.freeze().await;
        }
        self.shared.journal.emit(Event::InvocationDone(Box::new(invocation.clone())));
        Ok(invocation)
    }

    /// Stops every process (SIGSTOP) and returns once none runs any more. An invocation does so at its end by itself.
    pub async fn freeze(&self) {
        freeze::freeze(&self.shared).await;
    }

    /// Lets every process go on (SIGCONT). An invocation does so at its start by itself.
    pub fn thaw(&self) {
        freeze::thaw(&self.shared);
    }

    /// Whether the processes are stopped.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.shared.lock().frozen
    }

    /// Destroys every TCP connection of the processes whose other end is outside the sandbox: neither one of its APIs nor one of
    /// its processes. Both ends get an error, the processes' once they run. It takes `ss` and the right to use its `-K`: what
    /// could not be cut is told, here and as an [`Event::ConnectionsCut`].
    ///
    /// It blocks for some milliseconds, for each connection.
    #[allow(
        clippy::must_use_candidate,
        reason = "whoever does not care for what was cut has cut it all the same"
    )]
    pub fn cut_connections(&self) -> Cut {
        freeze::cut_connections(&self.shared)
    }

    /// Kills a process (SIGKILL) without a word, an extension by its file name or `runtime`, and waits for its end; frozen or not.
    /// Whether there was one. The invocation that is under way finds out, or else the next one.
    pub async fn kill(&self, name: &str) -> bool {
        let killed = self.shared.update(|environment| {
            let process = environment.processes_mut().find(|process| process.name == name);
            process.filter(|process| process.is_alive()).map(|process| process.signal(Signal::SIGKILL))
        });
        if killed.is_none() {
            return false;
        }
        let dead = |environment: &mut Environment| {
            let process = environment.processes().find(|process| process.name == name);
            process.is_none_or(|process| !process.is_alive()).then_some(())
        };
        self.shared.until(dead).await;
        true
    }

    /// Ends the environment as Lambda does, waiting for an invocation that is under way. Further invocations are refused.
    pub async fn shutdown(&self, reason: ShutdownReason) -> ShutdownReport {
        let mut phase = self.phase.lock().await;
        let report = shutdown::shutdown(&self.shared, reason).await;
        *phase = Phase::Ended;
        report
    }

    /// How the environment came up, the last time that it did.
    #[must_use]
    pub fn init_report(&self) -> InitReport {
        self.init.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A stream of all that happens from now on. For what happens during init see [`Builder::events`].
    #[must_use]
    pub fn events(&self) -> mpsc::UnboundedReceiver<Record> {
        self.shared.journal.subscribe()
    }

    /// What the processes wrote, all starts of the environment together; the latest 20,000 lines.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.shared.journal.lines()
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`: where the two APIs are.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Whether the processes are held to the CPU share that comes with the function's memory; `None` where nobody asked for it.
    #[must_use]
    pub fn cpu_share(&self) -> Option<CpuShare> {
        self.shared.cpu_share.clone()
    }

    /// The directory that stands for `/tmp`: the processes' `TMPDIR`. It outlives a reset, not the sandbox.
    #[must_use]
    pub fn tmp_dir(&self) -> &Path {
        &self.directory.tmp
    }

    /// The process of an extension, by its file name.
    #[must_use]
    pub fn extension_pid(&self, name: &str) -> Option<u32> {
        self.pid(name)
    }

    /// The process of the runtime.
    #[must_use]
    pub fn runtime_pid(&self) -> Option<u32> {
        self.pid(RUNTIME)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The most memory that each process has held so far, in sum, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let pids: Vec<u32> = self.shared.lock().processes().map(|process| process.pid).collect();
        pids.into_iter().filter_map(memory::rss_bytes).map(|rss| rss.peak).sum()
    }

    fn pid(&self, name: &str) -> Option<u32> {
        self.shared
            .lock()
            .processes()
            .find(|process| process.name == name && process.is_alive())
            .map(|found| found.pid)
    }

    /// Managed Instances: no freeze, no reset. A timeout is the invocation's own matter, a crash ends the environment.
    async fn invoke_beside_others(&self, call: Call) -> Invocation {
        let mut invocation = invoke::invoke(&self.shared, call).await;
        if !matches!(invocation.fault, None | Some(Fault::Timeout { .. })) {
            let mut phase = self.phase.lock().await;
            if *phase != Phase::Ended {
                *phase = Phase::Ended;
                invocation.reset = Some(shutdown::shutdown(&self.shared, ShutdownReason::Failure).await);
            }
        }
        self.shared.journal.emit(Event::InvocationDone(Box::new(invocation.clone())));
        invocation
    }

    /// Starts an environment; one that does not come up is ended at once, so that nothing of it is left.
    async fn initialise(&self) -> Result<InitReport, InitError> {
        match init::init(&self.shared, &self.directory, &self.shared.address.to_string()).await {
            Ok(report) => {
                // What was made ahead of time waits, frozen, for the first invocation.
                match self.shared.settings.initialization {
                    InitializationType::SnapStart => self.freeze().await,
                    InitializationType::ProvisionedConcurrency if self.shared.settings.freeze => {
                        self.freeze().await;
                    }
                    _ => {}
                }
                *self.init.lock().unwrap_or_else(PoisonError::into_inner) = report.clone();
                Ok(report)
            }
            Err(error) => {
                self.shared.journal.emit(Event::InitFailed { error: error.to_string() });
                shutdown::shutdown(&self.shared, ShutdownReason::Failure).await;
                Err(error)
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        let mut environment = self.shared.lock();
        environment.shutting_down = true;
        environment.processes_mut().for_each(|process| process.signal(Signal::SIGKILL));
    }
}

// === impl Directory ===

impl Directory {
    fn create() -> std::io::Result<Self> {
        let root = tempfile::Builder::new().prefix("lambda-sandbox-").tempdir()?;
        let directory = Self { opt: root.path().join("opt"), tmp: root.path().join("tmp"), _root: root };
        std::fs::create_dir(&directory.opt)?;
        std::fs::create_dir(&directory.tmp)?;
        Ok(directory)
    }
}
