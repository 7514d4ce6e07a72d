//! A Lambda execution environment on this machine.
//!
//! A [`Sandbox`] does what the Lambda platform does around a function with external extensions: it serves the Runtime API and
//! the Extensions API on a loopback port, starts the extensions, then the function's runtime, sends invocations, freezes every
//! process in between, and shuts them down with the platform's own time limits. The extensions and the function are real
//! executables that can't tell the difference, so that what they do over a freeze, a timeout or a shutdown can be seen in a test.
//!
//! ```no_run
//! # use lambda_sandbox::{Sandbox, ShutdownReason};
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::builder("target/debug/bootstrap")
//!     .extension("target/debug/pyroscope-lambda-extension")
//!     .env("PYROSCOPE_REMOTE_ADDRESS", "http://127.0.0.1:4041")
//!     .start()
//!     .await?;
//! let invocation = sandbox.invoke(r#"{"n": 1}"#).await?;
//! println!("{:?}, and {:?} more", invocation.handler, invocation.after_response);
//! let report = sandbox.shutdown(ShutdownReason::Spindown).await;
//! assert!(report.is_clean());
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//! - [`settings`](Builder): what a sandbox is made of
//! - `variables`: which environment variables each side sees
//! - `engine`: the phases of an execution environment: init, invoke, freeze, shutdown, and what they share
//! - `api`: the two HTTP interfaces that the processes call
//! - [`endpoint`](serve): the one that clients call to invoke the function
//! - `telemetry`: what subscribers of the Telemetry API are sent
//! - `process`: real processes: start, output, signals, exit
//! - `connections`: those that lead out of the sandbox, and their end
//! - `event`: what happens, as a stream
//! - `upload`: what arrives at the remote Pyroscope, where somebody tells
//! - `report`: what init, an invocation and a shutdown came to
//! - `error`: what can go wrong, for the function and for the caller
//! - `cpu`: the CPU share that comes with memory
//! - `memory`: how much of it a process holds
//! - `id`: random identifiers

mod api;
mod connections;
mod cpu;
mod endpoint;
mod engine;
mod error;
mod event;
mod id;
mod memory;
mod process;
mod report;
mod settings;
mod telemetry;
mod upload;
mod variables;

pub use connections::{Connection, Cut};
pub use cpu::{CpuError, CpuGroup, CpuShare};
pub use endpoint::serve;
pub use engine::Sandbox;
pub use error::{Fault, InitError, InvokeError, Tail};
pub use event::{Event, LogLine, Record, Recorder, Stream};
pub use memory::{Rss, rss_bytes};
pub use process::Exit;
pub use report::{
    ExtensionInit, ExtensionTime, FunctionError, InitReport, Invocation, ProcessEnd, ShutdownReport,
};
pub use settings::{Builder, InitializationType, Limits, ShutdownReason};
pub use upload::{Upload, UploadedSeries};
