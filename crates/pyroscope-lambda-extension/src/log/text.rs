//! `key=value` pairs, as logrus's `TextFormatter` writes them where there is no terminal.

use std::fmt::Write as _;

use super::line::{Line, Value};
use super::number;
use crate::config::FieldNames;

/// Time, level, message and then the fields, which are sorted already. An empty message is left out.
pub(super) fn line(names: &FieldNames, time: Option<&str>, level: &str, line: &Line) -> String {
    let mut out = String::with_capacity(128);
    if let Some(time) = time {
        push_text(&mut out, &names.time, time);
    }
    push_text(&mut out, &names.level, level);
    if !line.message.is_empty() {
        push_text(&mut out, &names.msg, &line.message);
    }
    for (name, value) in &line.fields {
        match value {
            Value::Text(text) => push_text(&mut out, name, text),
            Value::Signed(number) => push_text(&mut out, name, &number.to_string()),
            Value::Unsigned(number) => push_text(&mut out, name, &number.to_string()),
            Value::Float(number) => push_text(&mut out, name, &number::text(*number)),
            Value::Bool(flag) => push_text(&mut out, name, if *flag { "true" } else { "false" }),
        }
    }
    out
}

fn push_text(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(' ');
    }
    // A line stays a line whatever a field is called.
    out.extend(name.chars().filter(|char| !char.is_control()));
    out.push('=');
    if value.bytes().all(stands_bare) {
        out.push_str(value);
    } else {
        push_quoted(out, value);
    }
}

const fn stands_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/' | b'@' | b'^' | b'+')
}

/// Pushes the text as Go's `%q` shows it.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            _ if is_printable(char) => out.push(char),
            _ => push_escaped(out, u32::from(char)),
        }
    }
    out.push('"');
}

fn push_escaped(out: &mut String, code: u32) {
    // Writing to a string can't fail.
    let _ = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Whether it is a letter, mark, number, punctuation, symbol or the ASCII space, which is what Go shows as it is.
fn is_printable(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_control();
    }
    // `escape_debug` knows the same classes, but escapes a combining mark that stands alone; here none does.
    char.is_alphanumeric() || ['a', char].iter().collect::<String>().escape_debug().nth(1) == Some(char)
}
