//! The whole extension on a simulated network, in simulated time: schedules that real time can't reach.
//!
//! # Layout
//! What is simulated:
//! - `world`: what the simulated machines share, and the loop that makes time pass
//! - `lambda`: the script's hold on everything: invokes, freezes, shuts down, breaks the network
//! - `platform`: the Extensions API
//! - `sandbox`: the environment with the extension under test, and how it freezes
//! - `function`: the function and the SDK in it
//! - `network`: the extension's connections, which can be lost in silence
//! - `remote`: the Pyroscope server, which answers as it is told
//! - `journal`: all that happened, in order
//! - `oracle`: what must hold whatever happened
//! - `dice`: randomness from a seed
//!
//! What is proved: `outage`, `freeze`, `retry_after`, `memory`, `shutdown`, and `storm`, which makes its schedules up.
//!
//! A failure prints its seed and its journal. `SIMULATION_SEED=…` runs one more storm, with that seed.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    clippy::unwrap_used,
    reason = "tests: where a number does not fit or a thing is not there, the test has failed"
)]

mod dice;
mod freeze;
mod function;
mod journal;
mod lambda;
mod memory;
mod network;
mod oracle;
mod outage;
mod platform;
mod remote;
mod retry_after;
mod sandbox;
mod shutdown;
mod storm;
mod world;
