//! Values of JSON objects, wiped when they are dropped.

use serde_json::Value;
use zeroize::Zeroize;

use crate::secret::Secret;

/// A JSON value with secrets in it.
pub(super) struct Object(Value);

// === impl Object ===

impl Object {
    /// Reads a JSON object; none where it is something else.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let object = Self(serde_json::from_slice(bytes).ok()?);
        object.0.is_object().then_some(object)
    }

    /// The object under `name`.
    pub(super) fn object(&mut self, name: &str) -> Option<Self> {
        let object = Self(self.0.get_mut(name)?.take());
        object.0.is_object().then_some(object)
    }

    /// The text under `name`, which is no longer there then.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.0.get_mut(name)? {
            Value::String(text) => Some(std::mem::take(text)),
            _ => None,
        }
    }

    /// The secret under `name`.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// Whether there is anything under `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
