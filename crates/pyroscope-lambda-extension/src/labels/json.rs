//! JSON, of which only what is added is written: every value that stays is borrowed from the body, down to its spaces.
//!
//! The schemas are protobuf's JSON mapping: a member that is `null` is one that isn't there.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::body::Untouched;
use super::edit::Edit;
use super::set::{Label, Lacking};

/// For `deserialize_with`: a member that is there and `null` is `Some`, so that nobody adds it a second time.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// An object's members of interest. Anything but an object is an error, though serde would read a struct from an array.
pub(super) fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Untouched> {
    if !raw.get().starts_with('{') {
        return Err(serde_json::Error::custom("not an object").into());
    }
    Ok(serde_json::from_str(raw.get())?)
}

/// Shows each item of an array, if there is one, without gathering them all.
pub(super) fn each<'a>(
    array: Option<&'a RawValue>,
    show: impl FnMut(&'a RawValue) -> Result<(), Untouched>,
) -> Result<(), Untouched> {
    let Some(array) = existing(array) else { return Ok(()) };
    let mut fault = None;
    let each = Each { show, fault: &mut fault };
    let end = each.deserialize(&mut serde_json::Deserializer::from_str(array.get()));
    fault.map_or(end.map_err(Untouched::Json), Err)
}

/// Adds an item for each lacking label to the array `name`, which is a member of `object` or is to become one.
pub(super) fn add_items(
    edit: &mut Edit<'_>,
    object: &RawValue,
    name: &str,
    array: Option<&RawValue>,
    lacking: Lacking<'_>,
    put_item: impl Fn(&Label, &mut Vec<u8>),
) -> Result<(), Untouched> {
    if lacking.is_empty() {
        return Ok(());
    }
    match existing(array) {
        Some(array) => prepend(edit, array, |out| put_items(lacking, put_item, out)),
        None => put_member(edit, object, name, array, |out| {
            out.push(b'[');
            put_items(lacking, put_item, out);
            out.push(b']');
        }),
    }
}

/// Appends an item for each lacking label, with commas between them.
pub(super) fn put_items(lacking: Lacking<'_>, put_item: impl Fn(&Label, &mut Vec<u8>), out: &mut Vec<u8>) {
    for (index, label) in lacking.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_item(label, out);
    }
}

/// Writes the member `name` of an object, which is not there or `null`.
pub(super) fn put_member(
    edit: &mut Edit<'_>,
    object: &RawValue,
    name: &str,
    null: Option<&RawValue>,
    put: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Untouched> {
    match null {
        Some(null) => {
            let at = offset(edit, null)?;
            edit.replace(at..at + null.get().len(), put)
        }
        None => prepend(edit, object, |out| {
            put_string(name, out);
            out.push(b':');
            put(out);
        }),
    }
}

/// A value that is there and not `null`.
pub(super) fn existing(value: Option<&RawValue>) -> Option<&RawValue> {
    value.filter(|raw| raw.get() != "null")
}

/// What a string stands for, its escapes resolved.
pub(super) fn string(raw: &RawValue) -> Result<Cow<'_, str>, Untouched> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let Text(text) = serde_json::from_str(raw.get())?;
    Ok(text)
}

/// Appends a string in quotes.
pub(super) fn put_string(text: &str, out: &mut Vec<u8>) {
    // Neither a string nor a vector can fail.
    serde_json::to_writer(out, text).unwrap_or_default();
}

/// Puts something in front of all that an array or object holds.
fn prepend(edit: &mut Edit<'_>, list: &RawValue, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), Untouched> {
    let at = offset(edit, list)? + 1;
    let inside = list.get().get(1..).unwrap_or_default().trim_ascii_start();
    edit.replace(at..at, |out| {
        put(out);
        if !inside.starts_with([']', '}']) {
            out.push(b',');
        }
    })
}

/// Where in the body a value stands that was borrowed from it.
fn offset(edit: &Edit<'_>, value: &RawValue) -> Result<usize, Untouched> {
    let offset = value.get().as_ptr().addr().checked_sub(edit.body().as_ptr().addr());
    offset
        .filter(|at| *at < edit.body().len())
        .ok_or_else(|| serde_json::Error::custom("not borrowed").into())
}

struct Each<'f, F> {
    show: F,
    /// What `show` returned, which serde's own error can't carry.
    fault: &'f mut Option<Untouched>,
}

// === impl Each ===

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Untouched>> DeserializeSeed<'de> for Each<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&'de RawValue) -> Result<(), Untouched>> Visitor<'de> for Each<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            if let Err(fault) = (self.show)(item) {
                *self.fault = Some(fault);
                return Err(A::Error::custom("an item is at fault"));
            }
        }
        Ok(())
    }
}
