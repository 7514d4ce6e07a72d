//! One JSON object, as logrus's `JSONFormatter` writes it.

use std::fmt::Write as _;

use super::line::{Line, Value};
use super::number;
use crate::config::FieldNames;

/// All members sorted by name, as Go writes a map. The message is there even if it is empty.
pub(super) fn line(names: &FieldNames, time: Option<&str>, level: &str, line: &Line) -> String {
    let mut members: Vec<(&str, Member<'_>)> = Vec::with_capacity(line.fields.len() + 3);
    // Of members with one name the last counts, so these three come behind the fields.
    members.extend(line.fields.iter().map(|(name, value)| (name.as_ref(), Member::Field(value))));
    members.extend(time.map(|time| (names.time.as_str(), Member::Text(time))));
    members.push((names.msg.as_str(), Member::Text(&line.message)));
    members.push((names.level.as_str(), Member::Text(level)));
    members.sort_by_key(|(name, _)| *name);

    let mut out = String::with_capacity(128);
    out.push('{');
    let mut members = members.into_iter().peekable();
    while let Some((name, member)) = members.next() {
        if members.peek().is_some_and(|(next, _)| *next == name) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        push_string(&mut out, name);
        out.push(':');
        member.push(&mut out);
    }
    out.push('}');
    out
}

enum Member<'line> {
    Text(&'line str),
    Field(&'line Value),
}

// === impl Member ===

impl Member<'_> {
    fn push(&self, out: &mut String) {
        // Writing to a string can't fail.
        let _ = match self {
            Self::Text(text) => {
                push_string(out, text);
                Ok(())
            }
            Self::Field(Value::Text(text)) => {
                push_string(out, text);
                Ok(())
            }
            Self::Field(Value::Signed(number)) => write!(out, "{number}"),
            Self::Field(Value::Unsigned(number)) => write!(out, "{number}"),
            Self::Field(Value::Float(number)) => write!(out, "{}", number::json(*number)),
            Self::Field(Value::Bool(flag)) => write!(out, "{flag}"),
        };
    }
}

/// Pushes a string with Go's escapes, which make it safe within HTML too.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\0'..'\x20' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}
