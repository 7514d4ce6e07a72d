//! An AWS Lambda extension that relays profiles to Pyroscope.

pub mod config;
pub mod labels;
pub mod log;
pub mod session;
