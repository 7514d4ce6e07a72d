//! `/ingest`: the labels stand in braces behind the application's name, in the `name` parameter of the query string.
//!
//! The grammar is that of the server's own parser, which knows no quotes and no escapes. A `{` ends the name; then, in turn,
//! a `=` ends a key and a `,` or `}` ends a value. A `}` where a key might begin ends it all, whatever follows. A pair that
//! nothing ends is dropped. Names, keys and values are trimmed; a key that comes twice has its last value.

use super::query;
use super::set::LabelSet;

/// The key that stands for the application's name.
const NAME: &str = "__name__";

/// The label that the server makes of the application's name, unless a key says otherwise.
const SERVICE: &str = "service_name";

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
/// `None` means: forward the query string as it is. Nothing is lacking, or there is no name, or the server will reject it.
#[must_use]
pub fn add(query: &str, labels: &LabelSet) -> Option<String> {
    let raw = query::get(query, "name")?;
    let decoded = query::decode(raw.text)?;
    let mut lacking = labels.lacking();
    // Another service name would take the profile away from the application that the SDK names.
    lacking.has(SERVICE.as_bytes());
    parse(&String::from_utf8_lossy(&decoded), |key, _| _ = lacking.has(key.as_bytes())).ok()?;
    if lacking.is_empty() {
        return None;
    }

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
