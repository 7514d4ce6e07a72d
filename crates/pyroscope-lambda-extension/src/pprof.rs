//! Writes sampled stacks as a profile in pprof's format.
//!
//! Follows `proto/profile.proto` of github.com/google/pprof, of which it needs a dozen fields.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::labels::protobuf::{put_delimited, put_varint};

/// A protobuf message under construction.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

/// A stack and the CPU time that was spent in it.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The names of its functions, leaf first, and of a frame the function that was inlined deepest first: as pprof has it.
    pub(crate) functions: Vec<String>,
    /// The time in ns.
    pub(crate) nanos: u64,
}

/// Strings by their place in the string table, and functions by their id; each is written once.
#[derive(Default)]
struct Tables {
    strings: Vec<String>,
    string_ids: HashMap<String, u64>,
    /// The function id, which serves as its location's id too: one location a function is all that a flame graph needs.
    function_ids: HashMap<String, u64>,
}

/// The profile of CPU time in nanoseconds that `stacks` amount to, which were looked at every `period` nanoseconds of it.
pub(crate) fn encode(
    stacks: impl IntoIterator<Item = Stack>,
    since: SystemTime,
    until: SystemTime,
    period: u64,
) -> Vec<u8> {
    let mut tables = Tables::default();
    let mut profile = Message::default();
    tables.string(""); // the format wants it first
    let cpu = Message::default().number(1, tables.string("cpu")).number(2, tables.string("nanoseconds"));
    profile = profile.message(1, &cpu).message(11, &cpu).number(12, period);
    for stack in stacks {
        let mut sample = Message::default();
        for function in stack.functions {
            sample = sample.number(1, tables.function(function));
        }
        profile = profile.message(2, &sample.number(2, stack.nanos));
    }
    let functions: Vec<_> = tables.function_ids.drain().collect();
    for (name, id) in functions {
        let line = Message::default().number(1, id);
        let location = Message::default().number(1, id).message(4, &line);
        let function = Message::default().number(1, id).number(2, tables.string(&name));
        profile = profile.message(4, &location).message(5, &function);
    }
    for string in &tables.strings {
        profile = profile.bytes(6, string.as_bytes());
    }
    let duration = until.duration_since(since).unwrap_or_default();
    profile = profile.number(9, nanoseconds(since)).number(10, saturating(duration.as_nanos()));
    profile.0
}

fn nanoseconds(time: SystemTime) -> u64 {
    saturating(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
}

fn saturating(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

// === impl Message ===

impl Message {
    pub(crate) fn number(mut self, field: u8, value: u64) -> Self {
        self.0.push(field << 3);
        put_varint(usize::try_from(value).unwrap_or(usize::MAX), &mut self.0);
        self
    }

    pub(crate) fn bytes(mut self, field: u8, bytes: &[u8]) -> Self {
        put_delimited(field, bytes.len(), &mut self.0);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn message(self, field: u8, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// The message on the wire.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

// === impl Tables ===

impl Tables {
    fn string(&mut self, text: &str) -> u64 {
        if let Some(id) = self.string_ids.get(text) {
            return *id;
        }
        let id = self.strings.len() as u64;
        self.strings.push(text.to_owned());
        self.string_ids.insert(text.to_owned(), id);
        id
    }

    fn function(&mut self, name: String) -> u64 {
        let next = self.function_ids.len() as u64 + 1;
        *self.function_ids.entry(name).or_insert(next)
    }
}
