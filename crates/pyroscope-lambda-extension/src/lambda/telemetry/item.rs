//! What the platform posts: an array of `{"time", "type", "record"}`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A request id is a UUID; what is longer than this many bytes is none, and is not kept.
const LONGEST_ID: usize = 128;

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    record: &'a RawValue,
}

#[derive(Deserialize)]
struct RuntimeDoneRecord<'a> {
    #[serde(rename = "requestId", borrow)]
    request_id: Cow<'a, str>,
}

/// Takes ids out of an array as it is read, so that what comes after a flaw costs nothing of what came before.
struct Finished<'f>(&'f mut Vec<String>);

/// The ids of the invocations that a batch, as the platform posts it, says are done.
///
/// What can't be read is passed over: there is nobody to tell.
#[must_use]
pub fn finished(batch: &[u8]) -> Vec<String> {
    let mut request_ids = Vec::new();
    // An error says that the rest of the batch is not what it should be.
    let _ = serde_json::Deserializer::from_slice(batch).deserialize_seq(Finished(&mut request_ids));
    request_ids
}

fn request_id(item: &RawValue) -> Option<String> {
    let item: Item<'_> = serde_json::from_str(item.get()).ok()?;
    if item.kind != "platform.runtimeDone" {
        return None;
    }
    let record: RuntimeDoneRecord<'_> = serde_json::from_str(item.record.get()).ok()?;
    (record.request_id.len() <= LONGEST_ID).then(|| record.request_id.into_owned())
}

// === impl Finished ===

impl<'de> Visitor<'de> for Finished<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of telemetry items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            self.0.extend(request_id(item));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_what_platforms_post_and_in_what_is_left_of_it() {
        let long =
            format!(r#"[{{"type":"platform.runtimeDone","record":{{"requestId":"{}"}}}}]"#, "x".repeat(129));
        for (batch, expected) in [
            (
                r#"[{"time":"2026-01-02T03:04:05.678Z","type":"platform.start","record":{"requestId":"r-0","version":"$LATEST"}},
                    {"time":"2026-01-02T03:04:05.679Z","type":"platform.runtimeDone","record":{"requestId":"r-1","status":"success",
                     "metrics":{"durationMs":1.5,"producedBytes":4},"spans":[{"name":"responseLatency","durationMs":0.5}]}}]"#,
                &["r-1"][..],
            ),
            (
                r#"[{"type":"platform.runtimeDone","record":{"requestId":"r-1","status":"timeout"}}]"#,
                &["r-1"],
            ),
            // Order of the fields, escapes, and two at once.
            (
                r#"[{"record":{"status":"error","requestId":"r\u002d1"},"type":"platform\u002eruntimeDone"},
                    {"type":"platform.runtimeDone","record":{"requestId":"r-2"}}]"#,
                &["r-1", "r-2"],
            ),
            // One flawed item costs itself.
            (
                r#"[7,{"type":1,"record":{}},{"type":"platform.runtimeDone"},{"type":"platform.runtimeDone","record":"r-0"},
                    {"type":"platform.runtimeDone","record":{"requestId":null}},
                    {"type":"platform.runtimeDone","record":{"requestId":"r-1"}}]"#,
                &["r-1"],
            ),
            // A flawed array costs what comes after.
            (
                r#"[{"type":"platform.runtimeDone","record":{"requestId":"r-1"}},{"type":"platform.runtimeDone","rec"#,
                &["r-1"],
            ),
            (r#"[{"type":"function","record":"platform.runtimeDone requestId"}]"#, &[]),
            (long.as_str(), &[]),
            (r#"{"type":"platform.runtimeDone","record":{"requestId":"r-1"}}"#, &[]),
            ("[]", &[]),
            ("", &[]),
            ("<html>", &[]),
        ] {
            assert_eq!(finished(batch.as_bytes()), expected, "{batch}");
        }
        assert_eq!(finished(b"[\xff\xfe"), [""; 0]);
    }
}
