//! The command line: arguments, the run itself, its timeline.

mod arguments;
mod timeline;

use std::time::Duration;

use lambda_sandbox::{InitError, InvokeError, Record, Sandbox, ShutdownReason};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

pub(crate) use arguments::Command;
use arguments::{Pair, Run};
use timeline::line;

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
    Signals(#[from] std::io::Error),
    #[error("no further invocation: {0}")]
    Invoke(#[from] InvokeError),
}

/// Starts the sandbox, invokes it, shuts it down.
pub(crate) async fn run(run: Run) -> Result<Invocations, RunError> {
    let builder = builder(&run);
    let (stop, stopped) = oneshot::channel();
    let printer = tokio::spawn(print(builder.events(), run.json, stopped));
    let result = async {
        // Processes in groups of their own don't see a terminal's Ctrl-C: whoever ends this one has to end them too.
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let sandbox = tokio::select! {
            sandbox = builder.start() => sandbox?,
            _ = interrupts.recv() => return Ok(Invocations::SomeFailed),
            _ = terminations.recv() => return Ok(Invocations::SomeFailed),
        };
        let result = tokio::select! {
            result = invoke(&sandbox, &run) => result,
            _ = interrupts.recv() => Ok(Invocations::AllSucceeded),
            _ = terminations.recv() => Ok(Invocations::AllSucceeded),
        };
        let report = sandbox.shutdown(ShutdownReason::Spindown).await;
        match result? {
            Invocations::AllSucceeded if report.is_clean() => Ok(Invocations::AllSucceeded),
            _ => Ok(Invocations::SomeFailed),
        }
    }
    .await;
    // What is still in the channel is printed before an error is.
    drop(stop);
    let _ = printer.await;
    result
}

async fn invoke(sandbox: &Sandbox, run: &Run) -> Result<Invocations, RunError> {
    let mut outcome = Invocations::AllSucceeded;
    for index in 0..run.invocations {
        if index > 0 && run.gap > Duration::ZERO {
            tokio::time::sleep(run.gap).await;
        }
        if !sandbox.invoke(run.payload.0.clone()).await?.is_ok() {
            outcome = Invocations::SomeFailed;
        }
    }
    Ok(outcome)
}

async fn print(mut events: mpsc::UnboundedReceiver<Record>, json: bool, mut stopped: oneshot::Receiver<()>) {
    let show = |record: &Record| {
        let text = if json { serde_json::to_string(record).ok() } else { line(record) };
        if let Some(text) = text {
            println!("{text}");
        }
    };
    loop {
        tokio::select! {
            biased;
            Some(record) = events.recv() => show(&record),
            _ = &mut stopped => return,
        }
    }
}

fn builder(run: &Run) -> lambda_sandbox::Builder {
    let mut words = run.bootstrap.iter();
    let mut builder = Sandbox::builder(words.next().map(String::as_str).unwrap_or_default())
        .args(words)
        .function_name(&run.function_name)
        .handler(&run.handler)
        .memory_mb(run.memory)
        .timeout(run.timeout)
        .initialization(run.initialization)
        .freeze(!run.no_freeze);
    if let Some(root) = &run.task_root {
        builder = builder.task_root(root);
    }
    for extension in &run.extensions {
        builder = builder.extension(extension);
    }
    for Pair(name, value) in &run.env {
        builder = builder.env(name, value);
    }
    for Pair(name, value) in &run.extension_env {
        builder = builder.extension_env(name, value);
    }
    for Pair(name, value) in &run.runtime_env {
        builder = builder.runtime_env(name, value);
    }
    builder
}
