//! One event's message and fields.

use std::borrow::Cow;
use std::fmt;

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::config::FieldNames;

/// What an event says.
#[derive(Default)]
pub(super) struct Line {
    pub(super) message: String,
    pub(super) fields: Vec<(Cow<'static, str>, Value)>,
}

/// The value of a field.
pub(super) enum Value {
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

// === impl Line ===

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut line = Self::default();
        event.record(&mut line);
        line
    }

    /// Renames fields that go by the name of one that every line has, and sorts them.
    pub(super) fn settle(&mut self, names: &FieldNames) {
        let taken = [&names.time, &names.level, &names.msg, &names.logrus_error];
        for (name, _) in &mut self.fields {
            if taken.iter().any(|taken| taken.as_str() == name) {
                *name = Cow::Owned(format!("fields.{name}"));
            }
        }
        self.fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    }

    fn push(&mut self, field: &Field, value: Value) {
        self.fields.push((Cow::Borrowed(field.name()), value));
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Value::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Value::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = rendered(value);
        if field.name() == "message" {
            self.message = text;
        } else {
            self.push(field, Value::Text(text));
        }
    }
}

/// The value's own text. One that can't write itself is cut short, not a panic as it is with `to_string`.
fn rendered(value: &dyn fmt::Debug) -> String {
    let mut text = String::new();
    let _ = fmt::write(&mut text, format_args!("{value:?}"));
    text
}
