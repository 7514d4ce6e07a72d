//! Labels that the relay adds to every profile, on each wire format, touching nothing else.
//!
//! Everything here is a pure function over bytes that a stranger may have written: no IO, no log, no panic. What can't be
//! edited safely comes back as [`Untouched`], and the caller forwards the request as it arrived. A name that the SDK has
//! set already keeps the SDK's value: no profile ever gains a second copy of a label. Nor does a series ever gain more labels
//! than the server takes: those that there is no room for are told to the caller.
//!
//! # Layout
//! - [`ingest`]: the `name` parameter of `/ingest`
//! - [`push`]: the body of `push.v1.PusherService/Push`
//! - [`otlp`]: the body of OTLP's `/v1development/profiles`
//! - `set`: which labels to add
//! - `body`: media types and encodings; from a body to its edited copy
//! - `edit`: cuts and insertions, carried out in one pass
//! - `protobuf`, `json`, `gzip`, `query`: as much of each format as the above need

mod body;
mod edit;
mod gzip;
pub mod ingest;
mod json;
pub mod otlp;
pub(crate) mod protobuf;
pub mod push;
mod query;
mod set;

pub use body::{Edited, Untouched};
pub use protobuf::Malformed;
pub use set::{InvalidLabel, LabelSet, LeftOut};
