//! A Lambda function that takes orders and is profiled by the Pyroscope SDK.
//!
//! Written as a user would write one: the real runtime client, the real SDK started before the handler, profiles posted
//! to the extension on localhost. Its work is uneven on purpose, so that a flame graph of it has something to show.
//!
//! # Layout
//! - [`order`]: the work of one invocation
//! - [`profiling`]: the SDK's start, and its end within the time that Lambda leaves

mod order;
mod profiling;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use tokio::signal::unix::{SignalKind, signal};

use crate::order::{Order, Receipt};
use crate::profiling::Profiler;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // Lambda sends SIGTERM before the environment ends, to a runtime that has an extension beside it.
    let mut terminated = signal(SignalKind::terminate())?;
    let profiler = Profiler::start()?;

    tokio::select! {
        served = lambda_runtime::run(service_fn(take_order)) => served?,
        _ = terminated.recv() => {}
    }
    profiler.finish()?;
    Ok(())
}

async fn take_order(event: LambdaEvent<Order>) -> Result<Receipt, Error> {
    // The work is all CPU: on a thread of its own, a SIGTERM is still heard while it runs.
    Ok(tokio::task::spawn_blocking(move || event.payload.fulfil()).await?)
}
