//! The phases of an execution environment, and what they share.
//!
//! - `sandbox`: what the caller holds
//! - `state`: what the APIs, the processes and the phases share
//! - `init`: extensions, then the runtime, until all wait for their first event
//! - `invoke`: one invocation
//! - `freeze`: stop and go on
//! - `restore`: SnapStart
//! - `shutdown`: the end of an environment

mod freeze;
mod init;
mod invoke;
mod restore;
mod sandbox;
mod shutdown;
mod state;

pub(crate) use invoke::Call;
pub use sandbox::Sandbox;
pub(crate) use state::{
    Answer, Environment, Extension, ExtensionEvent, ExtensionState, RuntimeEvent, Shared,
};
