//! What it means that a body gains labels: the right ones, once, and nothing else changes.

use std::fmt::Debug;

use bytes::Bytes;
use prost::Message;
use pyroscope_lambda_extension::labels::{LabelSet, Malformed, Untouched, ingest, otlp, push};
use serde_json::Value;

use crate::is_subsequence;
use crate::wire::{Field, fields};

/// What the extension makes of a body.
pub type Added = Result<Option<Bytes>, Untouched>;

/// A push with the labels of the set, as `content_type` and `encoding` say; at most `limit` bytes.
pub fn push_with(
    set: &LabelSet,
    body: &Bytes,
    content_type: Option<&str>,
    encoding: Option<&str>,
    limit: usize,
) -> Added {
    push::add(body, content_type, encoding, set, limit).map(|edited| edited.changed)
}

/// The same for OTLP profiles without compression.
pub fn otlp_with(set: &LabelSet, body: &Bytes, content_type: Option<&str>, limit: usize) -> Added {
    otlp::add(body, content_type, None, set, limit).map(|edited| edited.changed)
}

/// A query string of `/ingest` with the labels of the set, if that is another one.
pub fn query_with(set: &LabelSet, query: &str) -> Option<String> {
    ingest::add(query, set).changed
}

/// Protobuf that `prost` reads as an `M`: `expected` has to come out.
///
/// `grown` is shown each of the fields with number 1 as it was and as it is; no other may differ.
pub fn protobuf<M: Message + Default + PartialEq + Clone + Debug>(
    body: &Bytes,
    add: impl Fn(&Bytes) -> Added,
    expected: impl Fn(M) -> M,
    grown: impl Fn(&[u8], &[u8]),
) {
    let read = M::decode(body.clone());
    match add(body) {
        Ok(Some(added)) => {
            assert_eq!(add(&added).expect("still a message"), None, "adding twice changes nothing");
            let (before, after) = (fields(body).expect("fields"), fields(&added).expect("fields"));
            assert_eq!(before.len(), after.len());
            for (before, after) in before.into_iter().zip(after) {
                match (&before, &after) {
                    (Field::Delimited(1, before), Field::Delimited(1, after)) => grown(before, after),
                    _ => assert_eq!(before, after),
                }
            }
            if let Ok(read) = read {
                assert_eq!(M::decode(added).expect("still a message"), expected(read));
            }
        }
        Ok(None) => {
            if let Ok(read) = read {
                assert_eq!(read, expected(read.clone()));
            }
        }
        // Groups are refused, which prost skips; and what would grow too much.
        Err(Untouched::Protobuf(Malformed::WireType(_)) | Untouched::TooMuchAdded { .. }) => {}
        Err(Untouched::Protobuf(malformed)) => assert!(read.is_err(), "{malformed}"),
        Err(other) => panic!("{other}"),
    }
}

/// JSON: `expected` has to come out, which gives nothing for what is not of the schema's shape.
pub fn json(body: &[u8], add: impl Fn(&Bytes) -> Added, expected: impl Fn(Value) -> Option<Value>) {
    let added = json_twice(body, &add);
    // The extension may read what serde_json's own values can't hold, such as 1e999.
    let Ok(read) = serde_json::from_slice::<Value>(body) else { return };
    // It may refuse a member that comes twice, which a value no longer shows.
    if let Ok(added) = added {
        assert_eq!(after(&read, added), expected(read.clone()));
    }
    // Written by serde_json, no member comes twice: all that has the right shape is edited. (It rounds large numbers anew.)
    let written = read.to_string();
    let read: Value = serde_json::from_str(&written).expect("what was just written");
    match (json_twice(written.as_bytes(), &add), expected(read.clone())) {
        (Ok(added), expected) => assert_eq!(after(&read, added), expected),
        (Err(_), None) | (Err(Untouched::TooMuchAdded { .. }), _) => {}
        (Err(error), Some(_)) => panic!("{error}: {written}"),
    }
}

fn json_twice(body: &[u8], add: impl Fn(&Bytes) -> Added) -> Added {
    let added = add(&Bytes::copy_from_slice(body))?;
    if let Some(added) = &added {
        assert_eq!(add(added).expect("still JSON"), None, "adding twice changes nothing");
        let replaced = body.windows(4).any(|window| window == b"null");
        assert!(replaced || is_subsequence(body, added), "no byte that was there may go");
    }
    Ok(added)
}

/// What goes to the server: the edited copy, else the body as it came.
fn after(read: &Value, added: Option<Bytes>) -> Option<Value> {
    match added {
        Some(added) => serde_json::from_slice(&added).ok(),
        None => Some(read.clone()),
    }
}
