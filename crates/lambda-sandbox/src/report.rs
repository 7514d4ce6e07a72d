//! What init, an invocation and a shutdown came to.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::Fault;
use crate::process::Exit;
use crate::settings::ShutdownReason;

/// How an environment came up.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitReport {
    /// Counts the starts of this sandbox, from 1.
    pub generation: u64,
    /// From the start of the first process to the last first `next`.
    #[serde(rename = "totalMs", serialize_with = "millis")]
    pub total: Duration,
    /// From the start of the runtime to its first `next`.
    #[serde(rename = "runtimeMs", serialize_with = "millis")]
    pub runtime: Duration,
    /// Each extension, in the order of the builder.
    pub extensions: Vec<ExtensionInit>,
}

/// An extension's part of an init.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionInit {
    /// Its name.
    pub name: String,
    /// From its start to its registration.
    #[serde(rename = "registeredMs", serialize_with = "millis")]
    pub registered: Duration,
    /// From its start to its first `next`.
    #[serde(rename = "firstNextMs", serialize_with = "millis")]
    pub first_next: Duration,
}

/// One invocation.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    /// Its id.
    pub request_id: String,
    /// The init that had to come first, after a reset; the init of [`Builder::start`](crate::Builder::start) is in
    /// [`Sandbox::init_report`](crate::Sandbox::init_report).
    pub init: Option<InitReport>,
    /// When INVOKE was sent, in ms since the epoch.
    pub started_ms: u64,
    /// Until when it might take, in ms since the epoch.
    pub deadline_ms: u64,
    /// From INVOKE to the runtime's response (or to the fault where there is none): what the client waits.
    #[serde(rename = "handlerMs", serialize_with = "millis")]
    pub handler: Duration,
    /// From the response until the runtime and every extension were back in `next` (or until the fault): billed on top.
    #[serde(rename = "afterResponseMs", serialize_with = "millis")]
    pub after_response: Duration,
    /// Each extension that is registered for INVOKE.
    pub extensions: Vec<ExtensionTime>,
    /// The function's response; the client has it even where an extension fails afterwards.
    #[serde(serialize_with = "text")]
    pub response: Option<Vec<u8>>,
    /// The error that the runtime posted instead.
    pub function_error: Option<FunctionError>,
    /// Why the environment was reset.
    pub fault: Option<Fault>,
    /// What the reset came to.
    pub reset: Option<ShutdownReport>,
}

/// An extension's part of an invocation.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionTime {
    /// Its name.
    pub name: String,
    /// How long after the response it was back in `next`; zero where it was back before; `None` where it never came.
    #[serde(rename = "afterResponseMs", serialize_with = "optional_millis")]
    pub after_response: Option<Duration>,
}

/// An error that the runtime posted for an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionError {
    /// The header `Lambda-Runtime-Function-Error-Type`, empty where there was none.
    pub error_type: String,
    /// The body.
    pub body: String,
}

/// How an environment ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShutdownReport {
    /// Why it ended.
    pub reason: ShutdownReason,
    /// From the start of the sequence to the end of the last process.
    #[serde(rename = "totalMs", serialize_with = "millis")]
    pub total: Duration,
    /// Each process: the extensions in the order of the builder, then the runtime.
    pub processes: Vec<ProcessEnd>,
}

/// How a process ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessEnd {
    /// The extension's file name, or `runtime`.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// How it ended; `None` where even SIGKILL did not end it in time.
    pub exit: Option<Exit>,
    /// How long after the start of the sequence; zero where it had ended before.
    #[serde(rename = "afterMs", serialize_with = "millis")]
    pub after: Duration,
    /// Whether the platform had to send SIGKILL.
    pub killed: bool,
}

// === impl Invocation ===

impl Invocation {
    /// Whether the function answered, without an error, and the environment lives on.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.response.is_some() && self.fault.is_none()
    }

    /// How it went, in the platform's words: `success`, `error` (of the function), `failure` (of a process) or `timeout`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match (&self.fault, &self.function_error) {
            (Some(Fault::Timeout { .. }), _) => "timeout",
            (Some(_), _) => "failure",
            (None, Some(_)) => "error",
            (None, None) => "success",
        }
    }

    /// What Lambda bills: from INVOKE until the environment may be frozen.
    #[must_use]
    pub fn billed(&self) -> Duration {
        self.handler + self.after_response
    }

    /// The response as text; empty where there is none.
    #[must_use]
    pub fn text(&self) -> String {
        self.response.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
    }
}

// === impl ShutdownReport ===

impl ShutdownReport {
    /// Whether every extension ended by itself with code 0. (The runtime may well be ended by SIGTERM.)
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.processes
            .iter()
            .filter(|process| process.name != crate::process::RUNTIME)
            .all(|process| !process.killed && process.exit.is_some_and(|exit| exit.code == Some(0)))
    }

    /// The end of one process.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&ProcessEnd> {
        self.processes.iter().find(|process| process.name == name)
    }
}

/// A duration as ms with a fraction.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(crate) fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

#[allow(clippy::ref_option, reason = "serde gives a reference")]
fn optional_millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[allow(clippy::ref_option, reason = "serde gives a reference")]
fn text<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
        None => serializer.serialize_none(),
    }
}
