//! What the two APIs, the processes and the phases share.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::cpu::{CpuGroup, CpuShare, vcpus};
use crate::error::{Fault, Tail};
use crate::event::{Event, Journal};
use crate::process::{Exit, Process, RUNTIME};
use crate::report::FunctionError;
use crate::settings::Settings;
use crate::telemetry::Telemetry;

/// How many lines of output an error shows.
const TAIL_LINES: usize = 20;

/// One state behind one lock; whoever changes it wakes everybody who waits for a condition on it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Where the APIs are.
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<Journal>,
    pub(crate) telemetry: Option<Arc<Telemetry>>,
    /// Holds the processes to their CPU share.
    pub(crate) cpu: Option<CpuGroup>,
    pub(crate) cpu_share: Option<CpuShare>,
    environment: Mutex<Environment>,
    changed: Notify,
}

/// One execution environment, from its start to its reset or end.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Counts the starts of the sandbox, from 1.
    pub(crate) generation: u64,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) runtime: Runtime,
    pub(crate) shutting_down: bool,
    pub(crate) frozen: bool,
    /// When it was, the last time.
    pub(crate) frozen_at: Option<Instant>,
    /// `SnapStart`: whether it went on from its snapshot.
    pub(crate) restored: bool,
    /// The first thing that went wrong.
    pub(crate) fault: Option<Fault>,
    pub(crate) invocations: Vec<InFlight>,
}

/// An extension, external (a process of its own) or internal (registered by the runtime's process).
#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) process: Option<Process>,
    pub(crate) state: ExtensionState,
    pub(crate) invoke: bool,
    pub(crate) shutdown: bool,
    /// Events that it has not fetched yet.
    pub(crate) pending: VecDeque<ExtensionEvent>,
    pub(crate) registered_at: Option<Instant>,
    pub(crate) first_next_at: Option<Instant>,
    /// When it last asked for an event.
    pub(crate) ready_at: Option<Instant>,
}

/// The states of RAPID, by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionState {
    Started,
    Registered,
    /// Waits in `next`.
    Ready,
    /// Has an event.
    Running,
    InitError,
    ExitError,
}

/// An event for an extension, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct ExtensionEvent {
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Runtime {
    pub(crate) process: Option<Process>,
    pub(crate) first_next_at: Option<Instant>,
    /// When it last asked for an event.
    pub(crate) ready_at: Option<Instant>,
    /// How many of its requests wait in `next`.
    pub(crate) waiting: usize,
    /// Invocations that it has not fetched yet.
    pub(crate) queue: VecDeque<RuntimeEvent>,
}

/// An event for the runtime.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeEvent {
    pub(crate) request_id: String,
    pub(crate) deadline_ms: u64,
    pub(crate) arn: String,
    pub(crate) trace: String,
    pub(crate) client_context: Option<String>,
    pub(crate) payload: Bytes,
}

/// An invocation that was sent.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) request_id: String,
    pub(crate) fetched: bool,
    pub(crate) answer: Option<(Answer, Instant)>,
}

/// What the runtime posted.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Response(Bytes),
    Error(FunctionError),
}

/// Whose process it is.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Extension(String),
    Runtime,
}

// === impl Shared ===

impl Shared {
    pub(crate) fn new(settings: Settings, address: SocketAddr, journal: Arc<Journal>) -> Self {
        let telemetry = settings.telemetry.then(|| Telemetry::new(&settings, &journal));
        let cpu = settings.limit_cpu.then(|| CpuGroup::create(settings.memory_mb));
        let (cpu, cpu_share) = match cpu {
            None => (None, None),
            Some(Ok(group)) => (Some(group), Some(CpuShare::Limited { vcpus: vcpus(settings.memory_mb) })),
            Some(Err(error)) => (None, Some(CpuShare::Unlimited { reason: error.to_string() })),
        };
        if let Some(share) = &cpu_share {
            journal.emit(Event::CpuShare(share.clone()));
        }
        Self {
            settings,
            address,
            journal,
            telemetry,
            cpu,
            cpu_share,
            environment: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// For looking; changes go through [`Self::update`].
    pub(crate) fn lock(&self) -> MutexGuard<'_, Environment> {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes those who wait for a change.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut Environment) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Waits until `check` gives a value. What `check` itself changes wakes nobody.
    pub(crate) async fn until<T>(&self, mut check: impl FnMut(&mut Environment) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on a change is noticed, even one before the await below.
            changed.as_mut().enable();
            if let Some(value) = check(&mut self.lock()) {
                return value;
            }
            changed.await;
        }
    }

    /// The end of a process. Outside a shutdown it is a fault.
    pub(crate) fn exited(&self, generation: u64, owner: &Owner, exit: Exit, at: Instant) {
        self.update(|environment| {
            if environment.generation != generation {
                return;
            }
            let process = match owner {
                Owner::Runtime => environment.runtime.process.as_mut(),
                Owner::Extension(name) => {
                    environment.external_mut(name).and_then(|found| found.process.as_mut())
                }
            };
            if let Some(process) = process {
                process.ended = Some((exit, at));
            }
            if !environment.shutting_down && environment.fault.is_none() {
                environment.fault = Some(match owner {
                    Owner::Runtime => Fault::RuntimeExit { exit },
                    Owner::Extension(name) => Fault::ExtensionCrash { name: name.clone(), exit },
                });
            }
        });
    }

    /// Holds the processes to their CPU share, or lets them have all. A kernel that has agreed before does so again.
    pub(crate) fn limit_cpu(&self, on: bool) {
        if let Some(group) = &self.cpu {
            let _ = group.limit(on);
        }
    }

    pub(crate) fn tail(&self, process: &str) -> Tail {
        Tail(self.journal.tail(process, TAIL_LINES))
    }
}

// === impl Environment ===

impl Environment {
    pub(crate) fn external_mut(&mut self, name: &str) -> Option<&mut Extension> {
        self.extensions.iter_mut().find(|extension| extension.process.is_some() && extension.name == name)
    }

    pub(crate) fn extension_mut(&mut self, id: &str) -> Option<&mut Extension> {
        self.extensions.iter_mut().find(|extension| extension.id == id)
    }

    pub(crate) fn invocation_mut(&mut self, request_id: &str) -> Option<&mut InFlight> {
        self.invocations.iter_mut().find(|invocation| invocation.request_id == request_id)
    }

    /// All processes: the extensions', then the runtime's.
    pub(crate) fn processes_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.extensions
            .iter_mut()
            .filter_map(|extension| extension.process.as_mut())
            .chain(self.runtime.process.as_mut())
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.extensions.iter().filter_map(|extension| extension.process.as_ref()).chain(&self.runtime.process)
    }

    /// The runtime's first `next` closes registration.
    pub(crate) const fn registration_closed(&self) -> bool {
        self.runtime.first_next_at.is_some()
    }

    /// Who keeps an invocation from ending: everybody who takes part in it and is not back in `next`.
    pub(crate) fn not_back(&self) -> Vec<String> {
        let extensions = self.extensions.iter().filter(|extension| extension.invoke && !extension.is_ready());
        let mut names: Vec<String> = extensions.map(|extension| extension.name.clone()).collect();
        if !self.runtime.is_ready() {
            names.push(RUNTIME.to_owned());
        }
        names
    }
}

// === impl Extension ===

impl Extension {
    pub(crate) fn new(name: String, id: String, process: Option<Process>) -> Self {
        Self {
            name,
            id,
            process,
            state: ExtensionState::Started,
            invoke: false,
            shutdown: false,
            pending: VecDeque::new(),
            registered_at: None,
            first_next_at: None,
            ready_at: None,
        }
    }

    /// Whether it waits in `next`, with nothing to fetch.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == ExtensionState::Ready && self.pending.is_empty()
    }
}

// === impl ExtensionState ===

impl ExtensionState {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
        }
    }
}

// === impl Runtime ===

impl Runtime {
    /// Whether it waits in `next`, with nothing to fetch.
    pub(crate) fn is_ready(&self) -> bool {
        self.waiting > 0 && self.queue.is_empty()
    }
}
