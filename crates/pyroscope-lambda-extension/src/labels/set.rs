//! Which labels to add, and which of them a profile lacks.

use crate::session::{self, SessionId};

/// The most labels that a set holds. The server takes 30 for each series by default, those of the SDK included.
const MOST: usize = 64;

/// The longest name that the server takes, in bytes.
const LONGEST_NAME: usize = 1024;

/// The longest value that the server takes, in bytes.
const LONGEST_VALUE: usize = 2048;

/// Labels to add to each profile, in order, no name twice.
///
/// Every label in a set can be written in every wire format, so that a profile's labels don't depend on the SDK's choice of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(Vec<Label>);

/// One label of a set: its name and value are valid in every wire format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) value: String,
}

/// Why a label can't be added to profiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// The name isn't one that the server takes.
    #[error(
        "label name {0:?}: write a letter or `_`, then letters, digits, `_` or `.`, at most {LONGEST_NAME} bytes"
    )]
    Name(String),
    /// The name says what the profile is, which is for the SDK to say.
    #[error("label name {0:?} is reserved: choose another")]
    Reserved(String),
    /// The value is empty, too long, or can't be written in the name of an `/ingest` request.
    #[error(
        "value {value:?} of label {name:?}: write 1 to {LONGEST_VALUE} bytes without `,` or `}}`, with no space around them"
    )]
    Value {
        /// The label's name.
        name: String,
        /// The value as it was given.
        value: String,
    },
    /// The set has the name, or one that the server can't tell from it (`a.b` and `a_b`).
    #[error("label {0:?} is given twice: remove one")]
    Repeated(String),
    /// The set is full.
    #[error("label {0:?} is one too many: at most {MOST} can be added")]
    TooMany(String),
}

/// The labels of a set that the profile in hand has not shown yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lacking<'a> {
    set: &'a LabelSet,
    /// One bit for each label of the set: it is there already.
    present: u64,
}

// === impl LabelSet ===

impl LabelSet {
    /// The set with the session id alone.
    #[must_use]
    pub fn session(id: SessionId) -> Self {
        Self(vec![Label { name: session::LABEL.to_owned(), value: id.to_string() }])
    }

    /// This set and one label more.
    ///
    /// # Errors
    /// A name or value that some wire format can't carry, and a name that the set has already.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, InvalidLabel> {
        if !is_name(name) {
            return Err(InvalidLabel::Name(name.to_owned()));
        }
        if name == "__name__" {
            return Err(InvalidLabel::Reserved(name.to_owned()));
        }
        if !is_value(value) {
            return Err(InvalidLabel::Value { name: name.to_owned(), value: value.to_owned() });
        }
        if self.0.iter().any(|label| is_same(label.name.as_bytes(), name.as_bytes())) {
            return Err(InvalidLabel::Repeated(name.to_owned()));
        }
        if self.0.len() >= MOST {
            return Err(InvalidLabel::TooMany(name.to_owned()));
        }
        self.0.push(Label { name: name.to_owned(), value: value.to_owned() });
        Ok(self)
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }

    /// All of the set, for a profile of which nothing is known yet.
    pub(super) fn lacking(&self) -> Lacking<'_> {
        Lacking { set: self, present: 0 }
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

fn is_value(value: &str) -> bool {
    (1..=LONGEST_VALUE).contains(&value.len()) && value.trim() == value && !value.contains([',', '}'])
}

/// Whether the server would take both for one label: it may turn a `.` into `_`, and refuses a series that names a label twice.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let plain = |b: &u8| if *b == b'.' { b'_' } else { *b };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

// === impl Lacking ===

impl<'a> Lacking<'a> {
    /// The profile has a label of this name. Tells whether the set has it as well.
    pub(super) fn has(&mut self, name: &[u8]) -> bool {
        let mut found = false;
        for (bit, label) in self.set.0.iter().enumerate() {
            if is_same(label.name.as_bytes(), name) {
                self.present |= 1 << bit;
                found = true;
            }
        }
        found
    }

    /// The profile has every label that the other, of the same set, has shown.
    pub(super) fn has_all_of(&mut self, other: Lacking<'_>) {
        self.present |= other.present;
    }

    /// The labels that are still lacking, in the set's order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a Label> {
        let labels = self.set.0.iter().enumerate();
        labels.filter(move |(bit, _)| self.present & (1 << bit) == 0).map(|(_, label)| label)
    }

    /// Whether the profile has every label of the set.
    pub(super) fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}
