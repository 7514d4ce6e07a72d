//! Google's `profile.proto`, as far as a receiver needs it.

use std::{collections::HashMap, sync::Arc};

use prost::Message;

use crate::{
    inflate::{InflateError, inflate_if_gzip},
    series::{Format, Profile, Sample, SampleType},
};

/// The most frames that are decoded from one profile: a small hostile body can name the same deep stack very often.
const MOST_FRAMES: usize = 4_000_000;

/// Why a pprof profile is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PprofError {
    /// Compressed, and not to be uncompressed within the limit.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// Not a `profile.proto` message.
    #[error("pprof: {0}; send a profile.proto message, with or without gzip")]
    NotAProfile(#[from] prost::DecodeError),
    /// A location has the id 0, which means "none".
    #[error("pprof: location id is 0; number locations from 1")]
    LocationZero,
    /// A function has the id 0, which means "none".
    #[error("pprof: function id is 0; number functions from 1")]
    FunctionZero,
    /// A sample type's name has a dash, which the query language can't take.
    #[error("pprof: sample type {0:?} contains -; write _ instead")]
    SampleTypeDash(String),
    /// The samples' stacks are too large together.
    #[error("pprof: more than {MOST_FRAMES} frames; send fewer samples")]
    TooManyFrames,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PprofProfile {
    #[prost(message, repeated, tag = "1")]
    pub(crate) sample_type: Vec<PprofValueType>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) sample: Vec<PprofSample>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) location: Vec<PprofLocation>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) function: Vec<PprofFunction>,
    // Strings as bytes: a profiler that puts a broken name in a table still has a profile to show.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) string_table: Vec<Vec<u8>>,
    #[prost(int64, tag = "9")]
    pub(crate) time_nanos: i64,
    #[prost(int64, tag = "10")]
    pub(crate) duration_nanos: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct PprofValueType {
    #[prost(int64, tag = "1")]
    pub(crate) kind: i64,
    #[prost(int64, tag = "2")]
    pub(crate) unit: i64,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct PprofSample {
    /// The leaf first.
    #[prost(uint64, repeated, tag = "1")]
    pub(crate) location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub(crate) value: Vec<i64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct PprofLocation {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) address: u64,
    /// More than one where functions were inlined; the innermost first.
    #[prost(message, repeated, tag = "4")]
    pub(crate) line: Vec<PprofLine>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct PprofLine {
    #[prost(uint64, tag = "1")]
    pub(crate) function_id: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct PprofFunction {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(int64, tag = "2")]
    pub(crate) name: i64,
    #[prost(int64, tag = "3")]
    pub(crate) system_name: i64,
}

/// Decodes a pprof profile, gzip or plain, of at most `limit` bytes uncompressed.
pub fn decode(bytes: &[u8], limit: usize) -> Result<Profile, PprofError> {
    let plain = inflate_if_gzip(bytes, limit)?;
    let message = PprofProfile::decode(plain.as_slice())?;
    if message.location.iter().any(|location| location.id == 0) {
        return Err(PprofError::LocationZero);
    }
    if message.function.iter().any(|function| function.id == 0) {
        return Err(PprofError::FunctionZero);
    }
    let sample_types: Vec<_> = message
        .sample_type
        .iter()
        .map(|value_type| SampleType::new(message.string(value_type.kind), message.string(value_type.unit)))
        .collect();
    if let Some(dashed) = sample_types.iter().find(|sample_type| sample_type.kind.contains('-')) {
        return Err(PprofError::SampleTypeDash(dashed.kind.clone()));
    }
    Ok(Profile {
        format: Format::Pprof,
        samples: message.stacks(sample_types.len())?,
        sample_types,
        time_nanos: message.time_nanos,
        duration_nanos: message.duration_nanos,
        uncompressed_bytes: plain.len(),
        sample_type_config: None,
    })
}

/// A function's name for people: Rust's mangled names undone, others as they are.
pub(crate) fn demangled(name: &str) -> Arc<str> {
    match rustc_demangle::try_demangle(name) {
        // The alternate form leaves out the hash.
        Ok(symbol) => format!("{symbol:#}").into(),
        Err(_) => name.into(),
    }
}

// === impl PprofProfile ===

impl PprofProfile {
    fn string(&self, index: i64) -> String {
        let entry = usize::try_from(index).ok().and_then(|index| self.string_table.get(index));
        entry.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// Its samples with their stacks, the root first. A sample whose values don't fit the sample types is left out, as the server does.
    fn stacks(&self, sample_types: usize) -> Result<Vec<Sample>, PprofError> {
        let frames = self.frames();
        let mut left = MOST_FRAMES;
        let mut samples = Vec::new();
        for sample in self.sample.iter().filter(|sample| sample.value.len() == sample_types) {
            let mut stack: Vec<Arc<str>> = Vec::new();
            for id in sample.location_id.iter().rev() {
                let here = frames.get(id).map_or(&[] as &[_], Vec::as_slice);
                left = left.checked_sub(here.len()).ok_or(PprofError::TooManyFrames)?;
                stack.extend(here.iter().cloned());
            }
            samples.push(Sample { stack, values: sample.value.clone() });
        }
        Ok(samples)
    }

    /// The names of each location, the outermost first.
    fn frames(&self) -> HashMap<u64, Vec<Arc<str>>> {
        let functions: HashMap<u64, Arc<str>> =
            self.function.iter().map(|function| (function.id, self.function_name(function))).collect();
        let unknown: Arc<str> = "[unknown]".into();
        let function = |line: &PprofLine| functions.get(&line.function_id).unwrap_or(&unknown).clone();
        let names = |location: &PprofLocation| {
            if location.line.is_empty() {
                vec![format!("0x{:x}", location.address).into()]
            } else {
                location.line.iter().rev().map(function).collect()
            }
        };
        self.location.iter().map(|location| (location.id, names(location))).collect()
    }

    fn function_name(&self, function: &PprofFunction) -> Arc<str> {
        let name = self.string(function.name);
        let name = if name.is_empty() { self.string(function.system_name) } else { name };
        if name.is_empty() { "[unknown]".into() } else { demangled(&name) }
    }
}
