//! An AWS Lambda extension that relays profiles to Pyroscope.

pub mod labels;
pub mod session;
