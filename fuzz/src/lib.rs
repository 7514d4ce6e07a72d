//! What the fuzz targets share: readers that are not the extension's own, to compare it with, and an intake in memory.
//!
//! A target asserts what must hold of any bytes at all. Its first byte chooses between the settings that it tries, as a
//! digit, so that seeds can be read; what follows is what a stranger sent.
//!
//! # Layout
//! - [`sets`]: labels to add, and which of them something lacks
//! - [`schema`]: the protobuf messages, as `prost` reads them, and gzip
//! - [`gains`]: what it means that a body gains labels
//! - [`wire`]: protobuf by its fields, unknown ones included
//! - [`names`]: the names of `/ingest` as the server reads them, character by character
//! - [`queries`]: query strings as Go reads them
//! - [`intake`]: the extension's server on connections in memory

pub mod gains;
pub mod intake;
pub mod names;
pub mod queries;
#[path = "../../crates/pyroscope-lambda-extension/tests/labels_support/mod.rs"]
pub mod schema;
pub mod sets;
pub mod wire;

/// The choice that the first byte makes, from 0 to 9, and the rest.
pub fn choice(input: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = input.split_first()?;
    Some((first.wrapping_sub(b'0') % 10, rest))
}

/// Whether all of `part` is in `whole`, in its order, with anything in between.
pub fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|byte| whole.any(|other| other == byte))
}

/// Whether `part` stands in `whole` as it is.
pub fn is_within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}
