//! What can go wrong, for the function and for the caller.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::process::Exit;

/// Why the platform gave up on an environment.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The function's timeout passed before the runtime and every extension were back in `next`.
    #[error("task timed out after {:.2} seconds, waiting for {}", limit.as_secs_f64(), waiting_for.join(", "))]
    Timeout {
        /// The function's timeout, in ms.
        #[serde(rename = "limitMs", serialize_with = "crate::report::millis")]
        limit: Duration,
        /// Who was not back in `next`: names of extensions, and `runtime`.
        waiting_for: Vec<String>,
    },
    /// An extension ended outside a shutdown.
    #[error("extension `{name}` ended ({exit})")]
    ExtensionCrash {
        /// Its name.
        name: String,
        /// How it ended.
        exit: Exit,
    },
    /// An extension reported that it can't go on, by `/init/error` or `/exit/error`.
    #[error("extension `{name}` reported {error_type}: {body}")]
    ExtensionError {
        /// Its name.
        name: String,
        /// Whether by `/init/error`.
        init: bool,
        /// The header `Lambda-Extension-Function-Error-Type`.
        error_type: String,
        /// The request's body.
        body: String,
    },
    /// The runtime ended outside a shutdown.
    #[error("runtime ended ({exit})")]
    RuntimeExit {
        /// How it ended.
        exit: Exit,
    },
    /// The runtime reported that it can't start the function.
    #[error("runtime reported an init error of type {error_type}: {body}")]
    RuntimeInitError {
        /// The header `Lambda-Runtime-Function-Error-Type`.
        error_type: String,
        /// The request's body.
        body: String,
    },
}

/// Why an environment did not come up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitError {
    /// No loopback port or no directory for the sandbox.
    #[error("the sandbox could not be set up: {0}")]
    SetUp(#[from] io::Error),
    /// Lambda takes ten extensions at most.
    #[error("{count} extensions: Lambda takes 10 at most")]
    TooManyExtensions {
        /// How many there are.
        count: usize,
    },
    /// An extension's path has no file name that can be sent as a header.
    #[error("extension {}: its file name is not plain ASCII, so it can't be sent in Lambda-Extension-Name", path.display())]
    Name {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused to start a program (Lambda calls this `Extension.LaunchError`).
    #[error("{} could not be started: {source} (does it exist, and has it the execute bit?)", path.display())]
    Launch {
        /// The program.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// Somebody did not get ready in time.
    #[error("{name} did not {step} within {limit:?}{tail}")]
    Timeout {
        /// An extension's name, or `runtime`.
        name: String,
        /// What it did not do.
        step: &'static str,
        /// The limit.
        limit: Duration,
        /// Its last lines of output.
        tail: Tail,
    },
    /// Somebody failed.
    #[error("{fault}{tail}")]
    Fault {
        /// What happened.
        fault: Fault,
        /// Its last lines of output.
        tail: Tail,
    },
}

/// Why there is no invocation to report about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The sandbox was shut down, or (Managed Instances) its environment ended.
    #[error("the environment has ended: start a new sandbox")]
    Ended,
    /// The environment was reset before and does not come up again; the next call tries once more.
    #[error("the environment did not come up again: {0}")]
    Init(#[from] InitError),
}

/// The last lines of a process's output, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail(pub Vec<String>);

// === impl Fault ===

impl Fault {
    /// The type by which Lambda reports it to the client.
    #[must_use]
    pub fn error_type(&self) -> &str {
        match self {
            Self::Timeout { .. } => "Sandbox.Timedout",
            Self::ExtensionCrash { .. } => "Extension.Crash",
            Self::RuntimeExit { .. } => "Runtime.ExitError",
            Self::ExtensionError { error_type, .. } | Self::RuntimeInitError { error_type, .. } => error_type,
        }
    }

    /// Whose fault it is: an extension's name, or `runtime`.
    pub(crate) fn culprit(&self) -> &str {
        match self {
            Self::ExtensionCrash { name, .. } | Self::ExtensionError { name, .. } => name,
            _ => crate::process::RUNTIME,
        }
    }
}

// === impl Tail ===

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; it wrote nothing");
        }
        f.write_str("; its last lines:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
