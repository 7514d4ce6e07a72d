//! The events that `/extension/event/next` answers with.

use serde::Deserialize;

/// What the platform tells an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The function is invoked at this moment.
    Invoke(Invoke),
    /// The environment is about to end.
    Shutdown(Shutdown),
    /// Something that the API did not have when this was written: to be ignored.
    Unknown(String),
}

/// One invocation of the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoke {
    /// The platform's name for the invocation; empty where an emulator leaves it out.
    pub request_id: String,
    /// When the function times out, in epoch milliseconds; 0 where it is unknown.
    pub deadline_ms: u64,
}

/// The end of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// `spindown`, `timeout`, `failure`, in either case, or an emulator's free text.
    pub reason: String,
    /// When the process will be killed, in epoch milliseconds; 0 where it is unknown.
    pub deadline_ms: u64,
}

/// The event is not what the API promises.
#[derive(Debug, thiserror::Error)]
#[error("not an event: {0}")]
pub struct NotAnEvent(#[from] serde_json::Error);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    event_type: String,
    // Emulators leave some fields out and send others as floats or null: only the type is needed to go on.
    #[serde(default)]
    deadline_ms: serde_json::Value,
    #[serde(default)]
    request_id: serde_json::Value,
    #[serde(default)]
    shutdown_reason: serde_json::Value,
}

// === impl Event ===

impl Event {
    /// Reads the body of an answer, whatever its content type says.
    ///
    /// # Errors
    /// Where it is not JSON, or names no event type.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnEvent> {
        let wire: Wire = serde_json::from_slice(body)?;
        let deadline_ms = milliseconds(&wire.deadline_ms);
        Ok(match wire.event_type.as_str() {
            "INVOKE" => Self::Invoke(Invoke { request_id: text(wire.request_id), deadline_ms }),
            "SHUTDOWN" => Self::Shutdown(Shutdown { reason: text(wire.shutdown_reason), deadline_ms }),
            _ => Self::Unknown(wire.event_type),
        })
    }
}

fn milliseconds(value: &serde_json::Value) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and a deadline it is not"
    )]
    value.as_u64().or_else(|| value.as_f64().map(|float| float as u64)).unwrap_or_default()
}

fn text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_platform_and_of_emulators_are_understood() {
        let invoke = |request_id: &str, deadline_ms| {
            Some(Event::Invoke(Invoke { request_id: request_id.to_owned(), deadline_ms }))
        };
        let shutdown = |reason: &str, deadline_ms| {
            Some(Event::Shutdown(Shutdown { reason: reason.to_owned(), deadline_ms }))
        };
        for (body, expected) in [
            (
                r#"{"eventType":"INVOKE","deadlineMs":1700000000123,"requestId":"r-1","invokedFunctionArn":"arn:aws:lambda:x","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}"#,
                invoke("r-1", 1_700_000_000_123),
            ),
            (r#"{"eventType":"INVOKE","deadlineMs":0,"requestId":"r-1"}"#, invoke("r-1", 0)),
            (r#"{"eventType":"INVOKE","deadlineMs":null,"requestId":7}"#, invoke("", 0)),
            (r#"{"eventType":"INVOKE","deadlineMs":1.5e3}"#, invoke("", 1500)),
            (r#"{"eventType":"INVOKE","deadlineMs":-5}"#, invoke("", 0)),
            (
                r#"{"eventType":"SHUTDOWN","deadlineMs":12,"shutdownReason":"spindown"}"#,
                shutdown("spindown", 12),
            ),
            (r#"{"eventType":"SHUTDOWN","shutdownReason":"Server stopped"}"#, shutdown("Server stopped", 0)),
            (r#"{"eventType":"HIBERNATE","deadlineMs":12}"#, Some(Event::Unknown("HIBERNATE".to_owned()))),
            (r#"{"deadlineMs":12}"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(Event::parse(body.as_bytes()).ok(), expected, "{body}");
        }
    }
}
