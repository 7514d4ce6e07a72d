//! Log lines are those of logrus: the expected ones were written by it (see `go-reference/main.go`).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail in its helper functions"
)]

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use pyroscope_lambda_extension::config::{Config, FieldNames, LogConfig, LogFormat};
use pyroscope_lambda_extension::log::Logger;
use serde_json::Value;
use tracing::{Level, debug, error, info, trace, warn};

/// What events of the extension's own modules have for a target.
const OWN: &str = "pyroscope_lambda_extension::test";

/// A writer whose content can be looked at; it keeps each write apart.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<String>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that `events` leads to, at 2026-11-22T10:00:00Z.
fn lines_of(config: &LogConfig, events: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_341_600);
    let logger = Logger::new(config, written.clone()).with_clock(move || at);
    tracing::subscriber::with_default(logger, events);
    let lines = written.0.lock().unwrap();
    lines.clone()
}

fn config(format: LogFormat) -> LogConfig {
    LogConfig { level: Level::TRACE, format, ..Config::default().log }
}

fn both(events: impl Fn(), names: Option<&FieldNames>) -> [String; 2] {
    [LogFormat::Text, LogFormat::Json].map(|format| {
        let mut config = config(format);
        if let Some(names) = names {
            config.names = names.clone();
        }
        let lines = lines_of(&config, &events);
        assert_eq!(lines.len(), 1, "one event is one write: {lines:?}");
        lines.concat()
    })
}

fn reference(json: &str) -> Vec<(String, [String; 2])> {
    let cases: Vec<HashMap<String, String>> = serde_json::from_str(json).unwrap();
    cases
        .into_iter()
        .map(|case| (case["name"].clone(), [case["text"].clone(), case["json"].clone()]))
        .collect()
}

#[test]
fn lines_of_each_level_and_kind_of_field_are_those_of_logrus() {
    let renamed = FieldNames {
        time: "@timestamp".into(),
        level: "severity".into(),
        msg: "message".into(),
        logrus_error: "oops".into(),
        func: "caller".into(),
        file: "source".into(),
    };
    for (name, expected) in reference(include_str!("go-reference/lines.json")) {
        let lines = match name.as_str() {
            "error" => both(|| error!(target: OWN, "an error"), None),
            "warning" => both(|| warn!(target: OWN, "a warning"), None),
            "info" => both(|| info!(target: OWN, "ready"), None),
            "debug" => both(|| debug!(target: OWN, "a detail"), None),
            "trace" => both(|| trace!(target: OWN, "a small detail"), None),
            "fields" => both(
                || {
                    info!(
                        target: OWN,
                        path = "/ingest",
                        bytes = 20_480,
                        attempt = 2_u8,
                        zero = 0_i64,
                        negative = -7,
                        big = u64::MAX,
                        first = true,
                        again = false,
                        reason = %"connection reset",
                        empty = "",
                        "delivered"
                    );
                },
                None,
            ),
            "clashes" => both(
                || info!(target: OWN, time = "t", level = 3, msg = "m", logrus_error = "e", func = "f", file = "g", "clash"),
                None,
            ),
            "renamed" => both(
                || warn!(target: OWN, time = "t", level = 3, severity = 4, oops = "e", "renamed"),
                Some(&renamed),
            ),
            "sorting" => both(
                || info!(target: OWN, b = 1, a = 2, Z = 3, tz = 4, level2 = 5, zz = 6, a.b = 7, a_b = 8, "sorted"),
                None,
            ),
            other => panic!("no event for {other}"),
        };
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn every_message_is_quoted_as_logrus_does() {
    for (message, expected) in reference(include_str!("go-reference/messages.json")) {
        assert_eq!(both(|| info!(target: OWN, "{message}"), None), expected, "{message:?}");
    }
}

#[test]
fn floating_point_numbers_look_as_in_go() {
    for (number, expected) in reference(include_str!("go-reference/floats.json")) {
        let value: f64 = number.parse().unwrap();
        assert_eq!(both(|| info!(target: OWN, value, "x"), None), expected, "{number}");
    }
}

#[test]
fn what_json_has_no_number_for_is_a_string() {
    for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "+Inf"), (f64::NEG_INFINITY, "-Inf")] {
        let [line, json] = both(|| info!(target: OWN, value, "x"), None);
        assert!(line.ends_with(&format!(" value={text}\n")), "{line}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["value"], text);
    }
}

#[test]
fn a_level_below_the_configured_one_is_silent() {
    let all = || {
        error!(target: OWN, "1");
        warn!(target: OWN, "2");
        info!(target: OWN, "3");
        debug!(target: OWN, "4");
        trace!(target: OWN, "5");
    };
    let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
    for (lines, level) in (1..).zip(levels) {
        let config = LogConfig { level, ..config(LogFormat::Text) };
        assert_eq!(lines_of(&config, all).len(), lines, "{level}");
    }
}

#[test]
fn a_library_is_heard_only_when_something_is_wrong() {
    let lines = lines_of(&config(LogFormat::Text), || {
        trace!(target: "h2::client", authorization = "Bearer token", "sending");
        info!(target: "hyper", "connected");
        warn!(target: "hyper", "odd");
        let _span = tracing::error_span!(target: "hyper", "span").entered();
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("msg=odd"));
}

#[test]
fn spans_change_nothing() {
    let lines = lines_of(&config(LogFormat::Text), || {
        let span = tracing::info_span!(target: OWN, "span", secret = 1);
        span.in_scope(|| info!(target: OWN, "within"));
    });
    assert_eq!(
        lines,
        ["time=\"2026-11-22T10:00:00Z\" level=info msg=within svc=pyroscope-lambda-ext-main\n"]
    );
}

#[test]
fn timestamps_can_be_left_out_or_look_otherwise() {
    let without = LogConfig { timestamp: None, ..config(LogFormat::Text) };
    assert_eq!(
        lines_of(&without, || info!(target: OWN, "x")),
        ["level=info msg=x svc=pyroscope-lambda-ext-main\n"]
    );
    let without = LogConfig { timestamp: None, ..config(LogFormat::Json) };
    assert_eq!(
        lines_of(&without, || info!(target: OWN, "x")),
        ["{\"level\":\"info\",\"msg\":\"x\",\"svc\":\"pyroscope-lambda-ext-main\"}\n"]
    );
    let env = |name: &str| (name == "PYROSCOPE_LOG_TIMESTAMP_FORMAT").then(|| "Jan _2 15:04:05.000".into());
    let (Config { log, .. }, warnings) = Config::from_env(env);
    assert_eq!(warnings, []);
    assert_eq!(
        lines_of(&log, || info!(target: OWN, "x")),
        ["time=\"Nov 22 10:00:00.000\" level=info msg=x svc=pyroscope-lambda-ext-main\n"]
    );
}

#[test]
fn members_whose_names_were_made_the_same_make_no_invalid_json() {
    let mut config = config(LogFormat::Json);
    config.names.time = "level".into();
    config.names.msg = "level".into();
    assert_eq!(
        lines_of(&config, || info!(target: OWN, "x")),
        ["{\"level\":\"info\",\"svc\":\"pyroscope-lambda-ext-main\"}\n"]
    );
}

#[test]
fn a_line_stays_a_line_whatever_is_in_it() {
    let mut config = config(LogFormat::Text);
    config.names.msg = "m\ns\rg".into();
    for format in [LogFormat::Text, LogFormat::Json] {
        config.format = format;
        let lines = lines_of(&config, || info!(target: OWN, reason = ?"a\nb", path = "c\r\nd", "e\nf"));
        assert_eq!(lines.concat().matches(['\n', '\r']).count(), 1, "{lines:?}");
    }
}

#[test]
fn an_event_within_the_text_of_a_field_is_its_own_line() {
    struct Chatty;
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            info!(target: OWN, "inner");
            f.write_str("value")
        }
    }
    let lines = lines_of(&config(LogFormat::Text), || info!(target: OWN, field = %Chatty, "outer"));
    assert!(lines.iter().any(|line| line.contains("msg=outer field=value")), "{lines:?}");
}

#[test]
fn a_value_that_cannot_write_itself_and_a_writer_that_fails_are_harmless() {
    struct Broken;
    impl std::fmt::Display for Broken {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half")?;
            Err(std::fmt::Error)
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("closed"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = lines_of(&config(LogFormat::Text), || info!(target: OWN, field = %Broken, "x"));
    assert!(lines.concat().contains("field=half"), "{lines:?}");
    let logger = Logger::new(&config(LogFormat::Text), Broken);
    tracing::subscriber::with_default(logger, || error!(target: OWN, "lost"));
}
