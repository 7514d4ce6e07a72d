//! Which labels to add, and which of them a profile lacks.

use crate::session::{self, SessionId};

/// The most labels that the server takes in a series by default: those of the SDK, its own and ours.
const MOST: usize = 30;

/// The longest name that the server takes, in bytes.
const LONGEST_NAME: usize = 1024;

/// The longest value that the server takes, in bytes.
const LONGEST_VALUE: usize = 2048;

/// The most bytes of names and values in a set: all of it goes into each series, and on `/ingest` into the address.
const MOST_BYTES: usize = 16 * 1024;

/// Names with a meaning of their own to the server. The first names the application, as the SDK says; the second is set by
/// the server, which refuses a series that has it twice; profiles with the third are dropped.
const TAKEN: [&str; 3] = ["service_name", "pyroscope_spy", "profile_id"];

/// Labels to add to each profile, in order, no name twice.
///
/// Every label in a set can be written in every wire format, so that a profile's labels don't depend on the SDK's choice of
/// one. Where a series has no room for all, the first go in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet(Vec<Label>);

/// One label of a set: its name and value are valid in every wire format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) value: String,
}

/// Why a label can't be added to profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// The name isn't one that the server takes.
    #[error("not a label's name (write a letter or `_`, then letters, digits, `_` or `.`)")]
    Name,
    /// The name is longer than the server takes.
    #[error("its name is too long (at most {LONGEST_NAME} bytes)")]
    LongName,
    /// The name begins with two underscores.
    #[error(
        "names that begin with `__` are reserved: Pyroscope gives them their meaning (choose another name)"
    )]
    Reserved,
    /// The name has a meaning of its own to the server.
    #[error("the name is taken: the server or the SDK gives it its value (choose another name)")]
    Taken,
    /// There is no value.
    #[error("no value (write name=value)")]
    NoValue,
    /// The value is longer than the server takes.
    #[error("its value is too long (at most {LONGEST_VALUE} bytes)")]
    LongValue,
    /// The value can't be written in the name of an `/ingest` request.
    #[error("a value can't hold `,` or `}}`, nor begin or end with a space: on /ingest it would end there")]
    Value,
    /// The set has the name, or one that the server can't tell from it (`a.b` and `a_b`).
    #[error("the name is given twice; `.` and `_` are the same to the server (remove one)")]
    Repeated,
    /// The set is full.
    #[error("one too many: a series takes {MOST} labels at most")]
    TooMany,
    /// The set is full.
    #[error("too long: all labels together take {MOST_BYTES} bytes at most")]
    TooLong,
}

/// The labels of a set that the profile in hand has not shown yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lacking<'a> {
    set: &'a LabelSet,
    /// One bit for each label of the set: it is there already.
    present: u32,
    /// How many labels more the series takes.
    room: usize,
}

/// Labels of a set that some series has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(u32);

// === impl LabelSet ===

impl LabelSet {
    /// The set with the session id alone.
    #[must_use]
    pub fn session(id: SessionId) -> Self {
        Self(vec![Label { name: session::LABEL.to_owned(), value: id.to_string() }])
    }

    /// This set behind a session id.
    #[must_use]
    pub fn in_session(&self, id: SessionId) -> Self {
        let mut set = Self::session(id);
        set.0.extend(self.0.iter().filter(|label| label.name != session::LABEL).cloned());
        set
    }

    /// This set and one label more.
    ///
    /// # Errors
    /// A name or value that some wire format can't carry, a name that the set has already, and one that is not ours to give.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, InvalidLabel> {
        self.push(name, value)?;
        Ok(self)
    }

    /// Adds one label, as [`LabelSet::with`].
    ///
    /// # Errors
    /// As [`LabelSet::with`]; the set stays as it was.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), InvalidLabel> {
        check_name(name)?;
        check_value(value)?;
        if self.0.iter().any(|label| is_same(label.name.as_bytes(), name.as_bytes())) {
            return Err(InvalidLabel::Repeated);
        }
        // The session id takes a place, too.
        if self.0.iter().filter(|label| label.name != session::LABEL).count() >= MOST - 1 {
            return Err(InvalidLabel::TooMany);
        }
        let bytes: usize = self.0.iter().map(|label| label.name.len() + label.value.len()).sum();
        if bytes + name.len() + value.len() > MOST_BYTES {
            return Err(InvalidLabel::TooLong);
        }
        self.0.push(Label { name: name.to_owned(), value: value.to_owned() });
        Ok(())
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|label| (label.name.as_str(), label.value.as_str()))
    }

    /// The names of the labels that were left out, in order.
    pub fn names_of(&self, LeftOut(bits): LeftOut) -> impl Iterator<Item = &str> {
        self.iter().enumerate().filter(move |(bit, _)| bits & (1 << bit) != 0).map(|(_, (name, _))| name)
    }

    /// All of the set, for a series of which nothing is known yet but that the server adds so many labels of its own.
    pub(super) fn lacking(&self, added_by_server: usize) -> Lacking<'_> {
        Lacking { set: self, present: 0, room: MOST.saturating_sub(added_by_server) }
    }
}

fn check_name(name: &str) -> Result<(), InvalidLabel> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
        return Err(InvalidLabel::Name);
    }
    if name.len() > LONGEST_NAME {
        return Err(InvalidLabel::LongName);
    }
    let reserved = |b: &u8| matches!(b, b'_' | b'.');
    if name.bytes().take(2).filter(reserved).count() == 2 {
        return Err(InvalidLabel::Reserved);
    }
    if TAKEN.iter().any(|taken| is_same(taken.as_bytes(), name.as_bytes())) {
        return Err(InvalidLabel::Taken);
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), InvalidLabel> {
    if value.is_empty() {
        return Err(InvalidLabel::NoValue);
    }
    if value.len() > LONGEST_VALUE {
        return Err(InvalidLabel::LongValue);
    }
    if value.trim() != value || value.contains([',', '}']) {
        return Err(InvalidLabel::Value);
    }
    Ok(())
}

/// Whether the server would take both for one label: it may turn a `.` into `_`, and refuses a series that names a label twice.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let plain = |b: &u8| if *b == b'.' { b'_' } else { *b };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

// === impl Lacking ===

impl<'a> Lacking<'a> {
    /// The profile has a label of this name, which takes up room. Tells whether the set has it as well.
    pub(super) fn has(&mut self, name: &[u8]) -> bool {
        self.room = self.room.saturating_sub(1);
        let mut found = false;
        for (bit, label) in self.set.0.iter().enumerate() {
            if is_same(label.name.as_bytes(), name) {
                self.present |= 1 << bit;
                found = true;
            }
        }
        found
    }

    /// The server will add so many labels more.
    pub(super) const fn keep_free(&mut self, labels: usize) {
        self.room = self.room.saturating_sub(labels);
    }

    /// The profile has every label that the other, of the same set, has shown.
    pub(super) fn has_all_of(&mut self, other: Lacking<'_>) {
        self.present |= other.present;
    }

    /// The labels that are lacking and that there is room for, in the set's order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a Label> {
        self.absent().take(self.room).map(|(_, label)| label)
    }

    /// The labels that are lacking and that there is no room for.
    pub(super) fn left_out(self) -> LeftOut {
        LeftOut(self.absent().skip(self.room).fold(0, |bits, (bit, _)| bits | 1 << bit))
    }

    /// Whether there is no label to add.
    pub(super) fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    fn absent(self) -> impl Iterator<Item = (usize, &'a Label)> {
        self.set.0.iter().enumerate().filter(move |(bit, _)| self.present & (1 << bit) == 0)
    }
}

// === impl LeftOut ===

impl LeftOut {
    /// Whether there was room for all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds what another series has no room for.
    pub(super) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
