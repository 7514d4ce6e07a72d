//! The command line.
//!
//! - `arguments`: what can be said on it
//! - `scenario`: a run, step by step, from a file
//! - `steps`: the run itself
//! - `serve`: invocations by clients
//! - `remote`: a stand-in for the remote Pyroscope
//! - `timeline`: events as lines
//! - `screen`: where the lines go, and what a terminal shows meanwhile

mod arguments;
mod remote;
mod scenario;
mod screen;
mod serve;
mod steps;
mod timeline;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lambda_sandbox::{Builder, InitError, InvokeError, Sandbox, ShutdownReason};
use pyroscope_sink::SinkError;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

pub(crate) use arguments::Command;
use arguments::{Environment, Pair};
use remote::Remote;
use scenario::ScenarioError;
use screen::Screen;

/// What the exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invocations {
    AllSucceeded,
    SomeFailed,
}

/// Why a run ended early.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("init failed: {0}")]
    Init(#[from] InitError),
    #[error("signals can't be listened for: {0}")]
    Signals(#[source] io::Error),
    #[error("no further invocation: {0}")]
    Invoke(#[from] InvokeError),
    #[error("{address} can't be listened on: {source} (choose another with --listen)")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("clients are no longer served: {0}")]
    Serve(#[source] io::Error),
    #[error("--sink: {0}")]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// SIGINT and SIGTERM. Processes in groups of their own don't see a terminal's Ctrl-C: whoever ends this one has to end them too.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// How a sandbox was used, and why it is no longer needed.
type Work = Result<(Invocations, ShutdownReason), RunError>;

/// Carries a command out.
pub(crate) async fn execute(command: Command) -> Result<Invocations, RunError> {
    match command {
        Command::Run(run) => {
            let plan = steps::plan(&run)?;
            in_sandbox(&run.environment, async |sandbox, signals| {
                tokio::select! {
                    result = steps::carry_out(sandbox, &plan) => result,
                    () = signals.recv() => Ok((Invocations::AllSucceeded, ShutdownReason::Spindown)),
                }
            })
            .await
        }
        Command::Serve(serve) => {
            // Before anything is started: an address that is taken is found at once.
            let listener = serve::bind(serve.listen).await?;
            in_sandbox(&serve.environment, async |sandbox, signals| {
                serve::serve(listener, sandbox, signals, serve.environment.timeout).await
            })
            .await
        }
    }
}

/// Starts the sandbox, uses it, shuts it down.
async fn in_sandbox(
    environment: &Environment,
    work: impl AsyncFnOnce(&Arc<Sandbox>, &mut Signals) -> Work,
) -> Result<Invocations, RunError> {
    let mut builder = builder(environment);
    let recorder = builder.recorder();
    let (stop, stopped) = oneshot::channel();
    let printer = tokio::spawn(Screen::new(environment.json).follow(builder.events(), stopped));
    let mut remote = None;
    let result = async {
        if let Some(address) = environment.sink {
            let sink = remote.insert(Remote::start(address, recorder).await?);
            // The last one counts.
            builder = builder.extension_env("PYROSCOPE_REMOTE_ADDRESS", sink.url());
        }
        let mut signals = Signals::new().map_err(RunError::Signals)?;
        let sandbox = tokio::select! {
            sandbox = builder.start() => Arc::new(sandbox?),
            () = signals.recv() => return Ok(Invocations::SomeFailed),
        };
        let used = work(&sandbox, &mut signals).await;
        let reason = used.as_ref().map_or(ShutdownReason::Spindown, |(_, reason)| *reason);
        let report = sandbox.shutdown(reason).await;
        match used? {
            (Invocations::AllSucceeded, _) if report.is_clean() => Ok(Invocations::AllSucceeded),
            _ => Ok(Invocations::SomeFailed),
        }
    }
    .await;
    if let Some(remote) = remote {
        remote.end().await;
    }
    // What is still in the channel is printed before an error is.
    drop(stop);
    let _ = printer.await;
    result
}

fn builder(environment: &Environment) -> Builder {
    let mut words = environment.bootstrap.iter();
    let mut builder = Sandbox::builder(words.next().map(String::as_str).unwrap_or_default())
        .args(words)
        .function_name(&environment.function_name)
        .handler(&environment.handler)
        .timeout(environment.timeout)
        .initialization(environment.initialization)
        .freeze(!environment.no_freeze);
    if let Some(memory) = environment.memory {
        builder = builder.memory_mb(memory).limit_cpu(true);
    }
    if let Some(gap) = environment.cut_connections {
        builder = builder.cut_connections_after(gap);
    }
    if let Some(root) = &environment.task_root {
        builder = builder.task_root(root);
    }
    for extension in &environment.extensions {
        builder = builder.extension(extension);
    }
    for Pair(name, value) in &environment.env {
        builder = builder.env(name, value);
    }
    for Pair(name, value) in &environment.extension_env {
        builder = builder.extension_env(name, value);
    }
    for Pair(name, value) in &environment.runtime_env {
        builder = builder.runtime_env(name, value);
    }
    builder
}

// === impl Signals ===

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
