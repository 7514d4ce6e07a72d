//! What several variables lead to together, and what holds for all of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail in its helper functions"
)]

use std::ffi::OsString;
use std::time::Duration;

use proptest::prelude::*;
use pyroscope_lambda_extension::config::{Config, FlushStrategy, VARIABLES, Warning};

/// The configuration and the texts of the warnings for a few variables.
fn read(set: &[(&str, &str)]) -> (Config, Vec<String>) {
    let (config, warnings) = Config::from_env(|name| {
        set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
    });
    (config, warnings.iter().map(Warning::to_string).collect())
}

fn authorization(config: &Config) -> String {
    config.credentials.authorization().unwrap().to_str().unwrap().to_owned()
}

/// The extra headers, in the order of their names.
fn headers(config: &Config) -> Vec<String> {
    let mut headers: Vec<_> =
        config.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
    headers.sort();
    headers
}

#[test]
fn too_many_workers_are_cut_to_the_most_that_are_any_good() {
    let (config, warnings) = read(&[("PYROSCOPE_NUM_WORKERS", "1000")]);
    assert_eq!(config.workers.get(), 64);
    assert_eq!(
        warnings,
        ["PYROSCOPE_NUM_WORKERS=\"1000\": too many; using 64 (write a number from 1 to 64)"]
    );
}

#[test]
fn the_queue_takes_an_eighth_of_the_memory_within_bounds() {
    for (memory, mebibytes) in
        [("1", 4), ("32", 4), ("128", 16), ("256", 32), ("512", 64), ("10240", 64), ("4294967295", 64)]
    {
        let (config, _) = read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)]);
        assert_eq!(config.queue_bytes, mebibytes << 20, "{memory}");
    }
}

#[test]
fn the_strategy_wins_over_flush_on_invoke_and_a_contradiction_is_told() {
    for (strategy, on_invoke, expected, contradicts) in [
        ("", "true", "invoke", false),
        ("", "false", "background", false),
        ("invoke", "true", "invoke", false),
        ("background", "false", "background", false),
        ("end", "true", "end", true),
        ("auto", "false", "auto", true),
        ("background", "true", "background", true),
    ] {
        let (config, warnings) =
            read(&[("PYROSCOPE_FLUSH_STRATEGY", strategy), ("PYROSCOPE_FLUSH_ON_INVOKE", on_invoke)]);
        assert_eq!(config.flush.strategy.as_str(), expected);
        let expected = format!(
            "PYROSCOPE_FLUSH_ON_INVOKE=\"{on_invoke}\" contradicts PYROSCOPE_FLUSH_STRATEGY=\"{strategy}\"; using {strategy} (unset PYROSCOPE_FLUSH_ON_INVOKE)"
        );
        assert_eq!(warnings, if contradicts { vec![expected] } else { Vec::new() });
    }
    let (config, warnings) =
        read(&[("PYROSCOPE_FLUSH_STRATEGY", "never"), ("PYROSCOPE_FLUSH_ON_INVOKE", "true")]);
    assert_eq!(config.flush.strategy, FlushStrategy::Invoke);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn one_bad_header_leaves_the_others() {
    let (config, warnings) = read(&[(
        "PYROSCOPE_HTTP_HEADERS",
        r#"{"X-Good":"1","bad name":"s3cret","X-List":["s3cret"],"X-Null":null,"X-Break":"s3cret\r\nX: y",
            "Host":"s3cret","content-length":"1","Transfer-Encoding":"x","Connection":"close","X-Also-Good":"2"}"#,
    )]);
    assert_eq!(headers(&config), ["x-also-good=2", "x-good=1"]);
    let mut expected = [
        r#"PYROSCOPE_HTTP_HEADERS: header "bad name": not a name that a header can have; skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "X-List": its value is not a string (write it in quotes); skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "X-Null": its value is not a string (write it in quotes); skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "X-Break": its value holds a line break or another character that no header may have; skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "Host": it describes the connection or the body, and is set by the extension alone; skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "content-length": it describes the connection or the body, and is set by the extension alone; skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "Transfer-Encoding": it describes the connection or the body, and is set by the extension alone; skipped, the others are sent"#,
        r#"PYROSCOPE_HTTP_HEADERS: header "Connection": it describes the connection or the body, and is set by the extension alone; skipped, the others are sent"#,
    ];
    let mut warnings = warnings;
    warnings.sort();
    expected.sort_unstable();
    assert_eq!(warnings, expected);
}

#[test]
fn credentials_are_the_token_and_else_user_and_password() {
    let basic = [("PYROSCOPE_BASIC_AUTH_USER", "Aladdin"), ("PYROSCOPE_BASIC_AUTH_PASSWORD", "open sesame")];
    let (config, warnings) = read(&basic);
    assert_eq!(authorization(&config), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(warnings, [""; 0]);
    let (config, _) = read(&[basic[0], basic[1], ("PYROSCOPE_AUTH_TOKEN", "token")]);
    assert_eq!(authorization(&config), "Bearer token");
    let (config, warnings) = read(&[basic[0], basic[1], ("PYROSCOPE_AUTH_TOKEN", "token\n")]);
    assert_eq!(authorization(&config), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(warnings.len(), 1);
}

#[test]
fn no_password_in_an_address_is_in_a_warning_or_in_debug() {
    for name in
        ["PYROSCOPE_REMOTE_ADDRESS", "HTTPS_PROXY", "http_proxy", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"]
    {
        for value in [
            "http://u:s3cret@h",
            "http://u:s3cret@h:x",
            "u:s3cret@http://h",
            "http://u:s3cret@h?s3cret",
            "ftp://s3cret@h",
        ] {
            let (config, warnings) = read(&[(name, value)]);
            let shown = format!("{config:?} {warnings:?}");
            assert!(!shown.contains("s3cret"), "{name}={value}: {shown}");
        }
    }
}

#[test]
fn no_secret_is_in_a_warning_or_in_debug() {
    // Each secret as a good and as a bad value.
    for value in [
        "s3cret",
        "s3cret\n",
        "{\"X-S\":\"s3cret\"}",
        "{\"X-S\":\"s3cret\\n\"}",
        "[\"s3cret\"]",
        "http://u:s3cret@h",
    ] {
        let secrets: Vec<_> = VARIABLES
            .iter()
            // Of a proxy's address the host may be shown; see above.
            .filter(|variable| variable.secret && !variable.name.ends_with("_PROXY"))
            .map(|variable| (variable.name, value))
            .collect();
        assert!(secrets.len() >= 4);
        let (config, warnings) = read(&secrets);
        let shown = format!("{config:?} {config:#?} {warnings:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains("czNjcmV0"), "not in Base64 either: {shown}");
        for secret in &secrets {
            let (config, warnings) = read(&[*secret]);
            let shown = format!("{config:?} {warnings:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
    let (config, _) = read(&[("PYROSCOPE_AUTH_TOKEN", "token")]);
    assert!(config.credentials.authorization().unwrap().is_sensitive());
    let (config, _) = read(&[("PYROSCOPE_HTTP_HEADERS", "{\"X-A\":\"b\"}")]);
    assert!(config.headers["x-a"].is_sensitive());
}

#[test]
fn a_warning_is_one_short_line_however_long_the_value() {
    let (_, warnings) = read(&[("PYROSCOPE_LOG_LEVEL", &"x\n".repeat(10_000))]);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].len() < 400 && !warnings[0].contains('\n'), "{}", warnings[0]);
}

#[cfg(unix)]
#[test]
fn values_that_are_not_utf_8_are_told_but_for_paths_which_need_not_be() {
    use std::os::unix::ffi::OsStringExt;
    let (config, warnings) = Config::from_env(|_| Some(OsString::from_vec(b"/\xff".to_vec())));
    let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    for variable in VARIABLES {
        let is_told = told
            .iter()
            .any(|warning| warning.starts_with(variable.name) && warning.contains(": not UTF-8; "));
        let is_path = ["_FILE", "_DIR"].iter().any(|end| variable.name.ends_with(end));
        let has_its_own_error =
            ["PYROSCOPE_REMOTE_ADDRESS", "HTTPS_PROXY", "HTTP_PROXY"].contains(&variable.name);
        // Most of AWS's are read only where an ARN is set.
        let is_read = !variable.name.starts_with("AWS_")
            || variable.name.starts_with("AWS_LAMBDA_")
            || variable.name == "AWS_REGION";
        assert_eq!(is_told, is_read && !is_path && !has_its_own_error, "{}: {told:#?}", variable.name);
    }
    assert!(config.remote.is_err());
    assert!(config.spool_dir.is_some() && !config.network.tls.authorities.is_empty());
}

/// A value that is somewhat like one of those that variables take.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..40),
        "\\PC{0,20}".prop_map(String::into_bytes),
        "-?[0-9]{0,25}(ns|µs|ms|s|m|h|KiB|GiB)?".prop_map(String::into_bytes),
        "https?://[a-z@:%/\\[\\]0-9.]{0,20}".prop_map(String::into_bytes),
        "\\{\"[a-zA-Z -]{0,9}\":(\"[^\"]{0,9}\"|[0-9]{1,30}|null)\\}".prop_map(String::into_bytes),
        prop::sample::select(vec!["true", "auto", "end", "json", "trace", "Mon Jan _2"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

#[cfg(unix)]
proptest! {
    #[test]
    fn no_environment_makes_reading_panic(values in prop::collection::vec(prop::option::of(any_value()), VARIABLES.len())) {
        use std::os::unix::ffi::OsStringExt;
        let (config, warnings) = Config::from_env(|name| {
            let at = VARIABLES.iter().position(|variable| variable.name == name)?;
            values[at].clone().map(OsString::from_vec)
        });
        prop_assert!(config.timeout > Duration::ZERO);
        prop_assert!((1..=64).contains(&config.workers.get()));
        prop_assert!(config.queue_bytes >= 64 << 10);
        for warning in warnings {
            let text = warning.to_string();
            prop_assert!(!text.contains(['\n', '\r']), "{}", text);
        }
        let _ = format!("{config:?}");
    }
}
