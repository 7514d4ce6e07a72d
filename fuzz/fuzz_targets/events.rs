//! What the platform says: events of the Extensions API, and batches of the Telemetry API.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::lambda::event::{Event, Invoke, Shutdown};
use pyroscope_lambda_extension::lambda::telemetry::finished;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    // Whatever it is, it is read without complaint, the same each time.
    assert_eq!(Event::parse(input).ok(), Event::parse(input).ok());
    let ids = finished(input);
    assert!(ids.iter().all(|id| id.len() <= 128));
    // A batch that breaks off has told no less than its beginning.
    let half = finished(&input[..input.len() / 2]);
    assert!(ids.starts_with(&half), "{half:?} {ids:?}");
    // Written by serde_json, no member comes twice.
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
    let written = value.to_string();
    let value: Value = serde_json::from_str(&written).expect("what was just written"); // it rounds large numbers anew
    let is_object = |value: &&Value| value.is_object(); // serde reads them from arrays too, which no platform sends
    if let Some(object) = Some(&value).filter(is_object) {
        assert_eq!(Event::parse(written.as_bytes()).ok(), event(object), "{written}");
    }
    if let Some(items) = value
        .as_array()
        .filter(|items| items.iter().all(|item| item.is_object() && !item["record"].is_array()))
    {
        let wanted: Vec<&str> = items.iter().filter_map(id).collect();
        assert_eq!(finished(written.as_bytes()), wanted, "{written}");
    }
});

fn event(object: &Value) -> Option<Event> {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let deadline_ms = match &object["deadlineMs"] {
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => whole,
            (None, Some(_)) => 0,
            (None, None) => saturated(number.as_f64()?),
        },
        _ => 0,
    };
    Some(match object["eventType"].as_str()? {
        "INVOKE" => Event::Invoke(Invoke { request_id: text("requestId"), deadline_ms }),
        "SHUTDOWN" => Event::Shutdown(Shutdown { reason: text("shutdownReason"), deadline_ms }),
        other => Event::Unknown(other.to_owned()),
    })
}

/// The whole milliseconds of a number, by its digits.
fn saturated(number: f64) -> u64 {
    let whole = format!("{:.0}", number.trunc());
    match whole.parse() {
        Ok(whole) => whole,
        Err(_) if number > 0.0 => u64::MAX,
        Err(_) => 0,
    }
}

fn id(item: &Value) -> Option<&str> {
    (item["type"].as_str()? == "platform.runtimeDone").then_some(())?;
    item["record"]["requestId"].as_str().filter(|id| id.len() <= 128)
}
