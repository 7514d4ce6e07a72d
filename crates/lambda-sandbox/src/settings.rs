//! What a sandbox is made of.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::engine::Sandbox;
use crate::error::InitError;
use crate::event::{Journal, Record, Recorder};

/// How long an init may take that no client waits for.
const AHEAD_OF_TIME: Duration = Duration::from_secs(130);

/// Describes a sandbox, then [starts](Builder::start) it.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    settings: Settings,
    journal: Arc<Journal>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) task_root: Option<PathBuf>,
    pub(crate) extensions: Vec<PathBuf>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) function_name: String,
    pub(crate) function_version: String,
    pub(crate) handler: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) memory_mb: u32,
    pub(crate) limit_cpu: bool,
    pub(crate) timeout: Duration,
    pub(crate) initialization: InitializationType,
    pub(crate) freeze: bool,
    /// The longest freeze that connections to the outside survive.
    pub(crate) cut_after: Option<Duration>,
    /// Where the caller has chosen them.
    pub(crate) limits: Option<Limits>,
    pub(crate) telemetry: bool,
}

/// An environment variable that the caller gave.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) side: Side,
    pub(crate) name: OsString,
    pub(crate) value: OsString,
}

/// Who sees a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Both,
    Extensions,
    Runtime,
}

/// Where an environment comes from: the value of `AWS_LAMBDA_INITIALIZATION_TYPE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitializationType {
    /// An ordinary cold start.
    #[default]
    OnDemand,
    /// An environment that was made ahead of time: frozen at the end of init, until the first invocation.
    ProvisionedConcurrency,
    /// `SnapStart`: stopped at the end of init, as for a snapshot; the first invocation restores it.
    SnapStart,
    /// Managed Instances: INVOKE can't be registered for, invocations run side by side, nothing is frozen or reset.
    LambdaManagedInstances,
}

/// The platform's time limits; [`Limits::default`] has Lambda's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long everybody may take to be ready (10 s).
    pub init: Duration,
    /// How long after SIGTERM the runtime is killed (300 ms).
    pub runtime_shutdown: Duration,
    /// How long a shutdown may take in all (2 s).
    pub shutdown: Duration,
}

/// Why an environment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ShutdownReason {
    /// It is no longer needed.
    Spindown,
    /// The function's timeout passed.
    Timeout,
    /// Something failed.
    Failure,
}

// === impl Builder ===

impl Builder {
    /// A sandbox around a function whose bootstrap is `program`.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        let settings = Settings {
            program: program.into(),
            args: Vec::new(),
            task_root: None,
            extensions: Vec::new(),
            variables: Vec::new(),
            function_name: "sandbox-function".to_owned(),
            function_version: "$LATEST".to_owned(),
            handler: "index.handler".to_owned(),
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            memory_mb: 512,
            limit_cpu: false,
            timeout: Duration::from_secs(3),
            initialization: InitializationType::default(),
            freeze: true,
            cut_after: None,
            limits: None,
            telemetry: true,
        };
        Self { settings, journal: Arc::new(Journal::new()) }
    }

    /// Adds an argument of the bootstrap.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.settings.args.push(arg.into());
        self
    }

    /// Adds arguments of the bootstrap.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.settings.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds an external extension: an executable, whose file name is the name that it has to register under.
    pub fn extension(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.extensions.push(path.as_ref().to_owned());
        self
    }

    /// Sets a variable for the runtime and the extensions, as the function's own configuration does.
    ///
    /// As on Lambda, extensions don't see names that start with `_`. A variable replaces one of the platform's own.
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variable(Side::Both, name, value)
    }

    /// Sets a variable for the extensions alone.
    pub fn extension_env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variable(Side::Extensions, name, value)
    }

    /// Sets a variable for the runtime alone.
    pub fn runtime_env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variable(Side::Runtime, name, value)
    }

    fn variable(mut self, side: Side, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.settings.variables.push(Variable { side, name: name.into(), value: value.into() });
        self
    }

    /// The runtime's working directory and its `LAMBDA_TASK_ROOT` (default: this process's working directory).
    pub fn task_root(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.task_root = Some(path.into());
        self
    }

    /// The function's name (default: `sandbox-function`).
    pub fn function_name(mut self, name: impl Into<String>) -> Self {
        self.settings.function_name = name.into();
        self
    }

    /// The function's version (default: `$LATEST`).
    pub fn function_version(mut self, version: impl Into<String>) -> Self {
        self.settings.function_version = version.into();
        self
    }

    /// The function's handler, `_HANDLER` (default: `index.handler`).
    pub fn handler(mut self, handler: impl Into<String>) -> Self {
        self.settings.handler = handler.into();
        self
    }

    /// The region (default: `eu-central-1`).
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.settings.region = region.into();
        self
    }

    /// The account (default: `123456789012`).
    pub fn account_id(mut self, account: impl Into<String>) -> Self {
        self.settings.account_id = account.into();
        self
    }

    /// The function's memory in MB (default: 512). It is told, not enforced; for the CPU share that comes with it see [`Self::limit_cpu`].
    pub fn memory_mb(mut self, memory: u32) -> Self {
        self.settings.memory_mb = memory;
        self
    }

    /// Whether the processes have only the CPU share that comes with the function's memory, 1769 MB being one vCPU (default: no).
    ///
    /// It holds from the end of init on, for all processes together. It takes a control group, which this machine may refuse:
    /// [`Sandbox::cpu_share`] tells.
    pub fn limit_cpu(mut self, limit: bool) -> Self {
        self.settings.limit_cpu = limit;
        self
    }

    /// The function's timeout (default: 3 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Where the environment comes from (default: on demand).
    pub fn initialization(mut self, initialization: InitializationType) -> Self {
        self.settings.initialization = initialization;
        self
    }

    /// Whether every process is stopped after an invocation and goes on at the next (default: yes; never under Managed Instances).
    pub fn freeze(mut self, freeze: bool) -> Self {
        self.settings.freeze = freeze;
        self
    }

    /// Cuts every connection that leads out of the sandbox when it has been frozen for longer than this, as a NAT forgets those
    /// that are silent (default: never, but always where a `SnapStart` environment is restored).
    ///
    /// A NAT tells nobody, while here both ends get an error; see [`Sandbox::cut_connections`] for what it takes.
    pub fn cut_connections_after(mut self, gap: Duration) -> Self {
        self.settings.cut_after = Some(gap);
        self
    }

    /// The platform's time limits (default: Lambda's own; init may take longer than [`Limits::default`] says where it is not
    /// on demand: 130 s or the function's timeout, whichever is longer).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = Some(limits);
        self
    }

    /// Whether there is a Telemetry API (default: yes); without one a subscription is answered with 202, as emulators do.
    pub fn telemetry(mut self, telemetry: bool) -> Self {
        self.settings.telemetry = telemetry;
        self
    }

    /// A stream of all that happens from now on; none is lost, so read them or drop the receiver.
    #[must_use]
    pub fn events(&self) -> mpsc::UnboundedReceiver<Record> {
        self.journal.subscribe()
    }

    /// Adds events of the caller's own to the stream, such as those of the remote Pyroscope that the caller runs.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        Recorder(Arc::clone(&self.journal))
    }

    /// Starts the extensions, then the runtime, and returns once all of them wait for their first event.
    pub async fn start(self) -> Result<Sandbox, InitError> {
        Sandbox::start(self.settings, self.journal).await
    }
}

// === impl Settings ===

impl Settings {
    pub(crate) fn is_managed(&self) -> bool {
        self.initialization == InitializationType::LambdaManagedInstances
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits.unwrap_or_else(|| {
            let limits = Limits::default();
            if self.initialization == InitializationType::OnDemand {
                return limits;
            }
            Limits { init: AHEAD_OF_TIME.max(self.timeout), ..limits }
        })
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account_id, self.function_name)
    }
}

// === impl InitializationType ===

impl InitializationType {
    /// The value of `AWS_LAMBDA_INITIALIZATION_TYPE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
            Self::LambdaManagedInstances => "lambda-managed-instances",
        }
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(10),
            runtime_shutdown: Duration::from_millis(300),
            shutdown: Duration::from_secs(2),
        }
    }
}

// === impl ShutdownReason ===

impl ShutdownReason {
    /// The value of `shutdownReason` in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(initialization: InitializationType, timeout: u64) -> Duration {
        let timeout = Duration::from_secs(timeout);
        Builder::new("p").initialization(initialization).timeout(timeout).settings.limits().init
    }

    #[test]
    fn an_init_that_no_client_waits_for_may_take_longer_unless_the_caller_has_chosen() {
        use InitializationType::{OnDemand, ProvisionedConcurrency, SnapStart};
        assert_eq!(init(OnDemand, 900), Duration::from_secs(10));
        assert_eq!(init(ProvisionedConcurrency, 3), Duration::from_secs(130));
        assert_eq!(init(SnapStart, 900), Duration::from_secs(900));
        let chosen = Limits { init: Duration::from_secs(1), ..Limits::default() };
        let builder = Builder::new("p").initialization(SnapStart).limits(chosen);
        assert_eq!(builder.settings.limits(), chosen);
    }
}
