//! `/ingest`: the labels stand in braces behind the application's name, in the `name` parameter of the query string.
//!
//! The grammar is that of the server's own parser, which knows no quotes and no escapes. A `{` ends the name; then, in turn,
//! a `=` ends a key and a `,` or `}` ends a value. A `}` where a key might begin ends it all, whatever follows. A pair that
//! nothing ends is dropped. Names, keys and values are trimmed; a key that comes twice has its last value.

use super::body::Edited;
use super::query::{self, Raw};
use super::set::{LabelSet, Lacking};
use crate::session;

/// The key that stands for the application's name.
const NAME: &str = "__name__";

/// How many labels the server adds to each series: `__name__`, `__delta__`, `pyroscope_spy` and `service_name` or `app_name`.
const ADDED_BY_SERVER: usize = 4;

/// Why the server would answer 400 to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The application's name is empty, or has a character other than `A-Z a-z 0-9 _ . / -`.
    #[error("the application's name is empty or has a character that is not allowed")]
    Name,
    /// A key is empty, or has a character other than `A-Z a-z 0-9 _ .`.
    #[error("a label's key is empty or has a character that is not allowed")]
    Key,
}

/// The query string with the labels that its `name` lacks, and every other byte as it was.
///
/// Where there is no name, or the server will reject it, the query string stays as it is.
#[must_use]
pub fn add(query: &str, labels: &LabelSet) -> Edited<String> {
    let Some((raw, lacking)) = lacking(query, labels) else { return Edited::default() };
    let changed = if lacking.is_empty() { None } else { insert(query, raw, lacking) };
    Edited { changed, left_out: lacking.left_out() }
}

/// The name in the query string, and what it lacks.
fn lacking<'q, 'l>(query: &'q str, labels: &'l LabelSet) -> Option<(Raw<'q>, Lacking<'l>)> {
    let raw = query::get(query, "name")?;
    let decoded = query::decode(raw.text)?;
    let mut lacking = labels.lacking(ADDED_BY_SERVER);
    let kept = |key: &str| key == session::LABEL || !key.starts_with("__");
    parse(&String::from_utf8_lossy(&decoded), |key, _| _ = kept(key) && lacking.has(key.as_bytes())).ok()?;
    Some((raw, lacking))
}

fn insert(query: &str, raw: Raw<'_>, lacking: Lacking<'_>) -> Option<String> {
    // Just behind the brace, whole pairs leave the parser in the state in which they found it: what follows means what it meant.
    let brace = query::behind(raw.text, b'{');
    let (before, after) = query.split_at_checked(raw.at + brace.unwrap_or(raw.text.len()))?;
    let mut inserted = String::new();
    for label in lacking.iter() {
        query::encode(&label.name, &mut inserted);
        inserted.push_str("%3D");
        query::encode(&label.value, &mut inserted);
        inserted.push_str("%2C");
    }
    if brace.is_none() {
        inserted.truncate(inserted.len() - "%2C".len());
        inserted.insert_str(0, "%7B");
        inserted.push_str("%7D");
    }
    Some([before, &inserted, after].concat())
}

/// Shows each label of a decoded name to `label` as (key, value), in the order in which the server reads them.
///
/// # Errors
/// Where the server would reject the name. Labels in front of the fault have been shown by then.
pub fn parse(name: &str, mut label: impl FnMut(&str, &str)) -> Result<(), Rejected> {
    let (app, mut rest) = name.split_once('{').unwrap_or((name, ""));
    let app = app.trim();
    if app.is_empty() || !app.bytes().all(|b| is_key_byte(b) || b == b'/' || b == b'-') {
        return Err(Rejected::Name);
    }
    label(NAME, app);
    while let Some((key, value, behind)) = pair(rest) {
        if key.is_empty() || !key.bytes().all(is_key_byte) {
            return Err(Rejected::Key);
        }
        label(key, value);
        rest = behind;
    }
    Ok(())
}

/// The first pair and what is behind it, or `None` where a `}` or the end of the text comes first.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.split_once(['=', '}'])?;
    if !text.get(key.len()..)?.starts_with('=') {
        return None;
    }
    let (value, rest) = rest.split_once([',', '}'])?;
    Some((key.trim(), value.trim(), rest))
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}
