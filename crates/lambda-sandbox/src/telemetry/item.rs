//! Which event becomes which item, after the schema `2022-12-13` (and `2025-01-29`, which adds nothing that happens here).

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::event::{Event, Record};
use crate::process::RUNTIME;
use crate::settings::{InitializationType, Settings};

/// What a subscriber may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Platform,
    Function,
    Extension,
}

/// One entry of the array that is posted.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) json: String,
}

/// What items tell about the function.
#[derive(Debug)]
pub(crate) struct Function {
    initialization: InitializationType,
    name: String,
    version: String,
    memory_mb: u32,
}

// === impl Kind ===

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "platform" => Some(Self::Platform),
            "function" => Some(Self::Function),
            "extension" => Some(Self::Extension),
            _ => None,
        }
    }
}

// === impl Function ===

impl Function {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            initialization: settings.initialization,
            name: settings.function_name.clone(),
            version: settings.function_version.clone(),
            memory_mb: settings.memory_mb,
        }
    }

    fn managed(&self) -> bool {
        self.initialization == InitializationType::LambdaManagedInstances
    }
}

/// The items of one event: mostly none or one.
pub(crate) fn items(function: &Function, record: &Record) -> Vec<Item> {
    let initialization = function.initialization.as_str();
    let init = |name, metrics: Option<Value>| {
        let mut body = json!({"initializationType": initialization, "phase": "init", "status": "success"});
        if let (Some(object), Some(metrics)) = (body.as_object_mut(), metrics) {
            object.insert("metrics".to_owned(), metrics);
        }
        (name, body)
    };
    let records = match &record.event {
        Event::InitStarted { .. } => vec![(
            "platform.initStart",
            json!({
                "initializationType": initialization,
                "phase": "init",
                "functionName": function.name,
                "functionVersion": function.version,
                "instanceMaxMemory": u64::from(function.memory_mb) * 1024 * 1024,
            }),
        )],
        Event::ExtensionRegistered { name, events } => {
            vec![("platform.extension", json!({"name": name, "state": "Ready", "events": events}))]
        }
        Event::TelemetrySubscribed { name, types } => {
            vec![(
                "platform.telemetrySubscription",
                json!({"name": name, "state": "Subscribed", "types": types}),
            )]
        }
        Event::FirstNext { name } if name == RUNTIME => vec![init("platform.initRuntimeDone", None)],
        Event::InitDone(report) => {
            vec![init("platform.initReport", Some(json!({"durationMs": millis(report.total)})))]
        }
        Event::RestoreStarted => vec![(
            "platform.restoreStart",
            json!({"functionName": function.name, "functionVersion": function.version}),
        )],
        Event::RestoreDone { duration } => vec![
            ("platform.restoreRuntimeDone", json!({"status": "success"})),
            (
                "platform.restoreReport",
                json!({"status": "success", "metrics": {"durationMs": millis(*duration)}}),
            ),
        ],
        Event::InvokeStarted { request_id, .. } => {
            vec![("platform.start", json!({"requestId": request_id, "version": function.version}))]
        }
        Event::RuntimeDone { request_id, status, duration, bytes } if !function.managed() => vec![(
            "platform.runtimeDone",
            json!({
                "requestId": request_id,
                "status": status,
                "metrics": {"durationMs": millis(*duration), "producedBytes": bytes},
            }),
        )],
        Event::InvocationDone(invocation) => {
            let duration = millis(invocation.billed());
            vec![(
                "platform.report",
                json!({
                    "requestId": invocation.request_id,
                    "status": invocation.status(),
                    "metrics": {
                        "durationMs": duration,
                        "billedDurationMs": duration.ceil(),
                        "memorySizeMB": function.memory_mb,
                    },
                }),
            )]
        }
        Event::Log(line) => {
            let (kind, name) = if line.process == RUNTIME {
                (Kind::Function, "function")
            } else {
                (Kind::Extension, "extension")
            };
            let json =
                json!({"time": time(record.epoch_ms), "type": name, "record": format!("{}\n", line.text)});
            return vec![Item { kind, json: json.to_string() }];
        }
        _ => Vec::new(),
    };
    let item = |(name, body): (&str, Value)| {
        let json = json!({"time": time(record.epoch_ms), "type": name, "record": body});
        Item { kind: Kind::Platform, json: json.to_string() }
    };
    records.into_iter().map(item).collect()
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// `2026-01-02T03:04:05.678Z`
fn time(epoch_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_ms) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_platform_writes_them() {
        assert_eq!(time(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
    }
}
