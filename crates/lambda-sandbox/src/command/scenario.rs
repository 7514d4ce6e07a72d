//! A run, step by step, from a file in TOML or JSON.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lambda_sandbox::ShutdownReason;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use thiserror::Error;

use super::arguments;

/// The name under which the function's own process can be killed.
const RUNTIME: &str = "runtime";

/// What happens to an environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) steps: Vec<Step>,
    /// The reason that extensions are given at the end.
    #[serde(default)]
    pub(super) shutdown: Reason,
}

/// One thing that happens.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Invoke(Invoke),
    #[serde(deserialize_with = "duration")]
    Wait(Duration),
    Freeze,
    Thaw,
    /// The end of every connection that leads out of the sandbox.
    Cut,
    /// SIGKILL to an extension, by its file name, or to the `runtime`.
    Kill(String),
}

/// The function is invoked, once or more often.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Invoke {
    /// Default: the one on the command line.
    pub(super) payload: Option<serde_json::Value>,
    pub(super) times: u32,
    /// The time between two of them.
    #[serde(deserialize_with = "duration")]
    pub(super) gap: Duration,
    /// Default: the function's own.
    #[serde(deserialize_with = "optional_duration")]
    pub(super) timeout: Option<Duration>,
    pub(super) expect: Outcome,
}

/// How an invocation is to end.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    #[default]
    Success,
    /// The function posts an error.
    Error,
    /// A process fails.
    Failure,
    Timeout,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reason {
    #[default]
    Spindown,
    Timeout,
    Failure,
}

/// Why a scenario can't be carried out.
#[derive(Debug, Error)]
pub(crate) enum ScenarioError {
    #[error("scenario {} can't be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("scenario {}: its name ends neither in .toml nor in .json", path.display())]
    Format { path: PathBuf },
    #[error("scenario {}: {source}", path.display())]
    Toml { path: PathBuf, source: toml::de::Error },
    #[error("scenario {}: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("scenario, step {step}: nothing is called {name:?} that could be killed; there is {}", known.join(", "))]
    Unknown { step: usize, name: String, known: Vec<String> },
    #[error(
        "scenario: {name} can't be killed, as it does not run any more: invoke the function first, then it is started again"
    )]
    NotRunning { name: String },
}

/// `250ms`, `2s`, `1m`.
struct DurationText;

// === impl Scenario ===

impl Scenario {
    pub(super) fn read(path: &Path) -> Result<Self, ScenarioError> {
        let path = path.to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(ScenarioError::Read { path, source }),
        };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => toml::from_str(&text).map_err(|source| ScenarioError::Toml { path, source }),
            Some("json") => {
                serde_json::from_str(&text).map_err(|source| ScenarioError::Json { path, source })
            }
            _ => Err(ScenarioError::Format { path }),
        }
    }

    /// Finds names that nobody has before anything is started.
    pub(super) fn check(&self, extensions: &[PathBuf]) -> Result<(), ScenarioError> {
        let names = extensions.iter().filter_map(|path| path.file_name()?.to_str());
        let known: Vec<String> = names.chain([RUNTIME]).map(str::to_owned).collect();
        for (index, step) in self.steps.iter().enumerate() {
            if let Step::Kill(name) = step
                && !known.contains(name)
            {
                return Err(ScenarioError::Unknown { step: index + 1, name: name.clone(), known });
            }
        }
        Ok(())
    }
}

// === impl Invoke ===

impl Default for Invoke {
    fn default() -> Self {
        Self { payload: None, times: 1, gap: Duration::ZERO, timeout: None, expect: Outcome::Success }
    }
}

// === impl Outcome ===

impl Outcome {
    /// The platform's word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
        }
    }
}

// === impl ShutdownReason ===

impl From<Reason> for ShutdownReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Spindown => Self::Spindown,
            Reason::Timeout => Self::Timeout,
            Reason::Failure => Self::Failure,
        }
    }
}

// === impl DurationText ===

impl Visitor<'_> for DurationText {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration as text, such as \"250ms\", \"2s\" or \"1m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        arguments::duration(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationText)
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
