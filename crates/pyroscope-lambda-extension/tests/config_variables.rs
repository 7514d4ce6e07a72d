//! Every variable: what its good, bad and empty values lead to.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail in its helper functions"
)]

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use pyroscope_lambda_extension::config::{
    Config, FlushStrategy, InitializationType, LogFormat, RemoteAddress, Unset, VARIABLES, Warning,
};
use tracing::Level;

/// The configuration and the texts of the warnings for a few variables.
fn read(set: &[(&str, &str)]) -> (Config, Vec<String>) {
    let (config, warnings) = Config::from_env(|name| {
        set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
    });
    (config, warnings.iter().map(Warning::to_string).collect())
}

fn proxy_for(config: &Config, address: &str) -> String {
    let proxy = config.network.proxies.proxy_for(&RemoteAddress::parse(address).unwrap());
    proxy.unwrap().map_or("none".into(), ToString::to_string)
}

/// The one thing of a configuration that a variable sets, as text.
fn shown(config: &Config, name: &str) -> String {
    let lowered = name.trim_start_matches("PYROSCOPE_");
    match lowered {
        "REMOTE_ADDRESS" => config.remote.as_ref().unwrap().to_string(),
        "AUTH_TOKEN" | "BASIC_AUTH_USER" | "BASIC_AUTH_PASSWORD" => {
            config.credentials.authorization().map_or("none".into(), |value| value.to_str().unwrap().into())
        }
        // `config_secrets` has more of these.
        "AUTH_TOKEN_FILE" | "AUTH_TOKEN_ARN" | "BASIC_AUTH_PASSWORD_FILE" | "BASIC_AUTH_PASSWORD_ARN" => {
            format!("{:?}", config.credentials)
        }
        "AWS_ENDPOINT_URL"
        | "AWS_ENDPOINT_URL_SECRETS_MANAGER"
        | "AWS_ENDPOINT_URL_SSM"
        | "AWS_ACCESS_KEY_ID"
        | "AWS_SECRET_ACCESS_KEY"
        | "AWS_SESSION_TOKEN"
        | "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        | "AWS_CONTAINER_AUTHORIZATION_TOKEN" => format!("{:?}", config.aws),
        "TENANT_ID" => {
            config.tenant_id.as_ref().map_or("none".into(), |value| value.to_str().unwrap().into())
        }
        "HTTP_HEADERS" => {
            let headers =
                config.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap()));
            headers.collect::<Vec<_>>().join(" ")
        }
        "LABELS" | "LAMBDA_LABELS" => {
            config.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        }
        "HTTPS_PROXY" => proxy_for(config, "https://example.com"),
        "HTTP_PROXY" => proxy_for(config, "http://example.com"),
        "NO_PROXY" => format!("{:?}", config.network.proxies),
        "SSL_CERT_FILE" | "TLS_CA_FILE" => {
            let files = config.network.tls.authorities.iter().map(|file| file.path.to_str().unwrap());
            files.collect::<Vec<_>>().join(" ")
        }
        "TLS_CERT_FILE" | "TLS_KEY_FILE" => {
            config.network.tls.identity.as_ref().map_or("none".into(), |identity| {
                let (certificate, key) = (&identity.certificate, &identity.key);
                assert_eq!(certificate.variable, key.variable);
                format!("{} {}", certificate.path.display(), key.path.display())
            })
        }
        "TLS_INSECURE_SKIP_VERIFY" => config.network.tls.insecure.to_string(),
        "TIMEOUT" => format!("{:?}", config.timeout),
        "NUM_WORKERS" => config.workers.to_string(),
        "FLUSH_STRATEGY" | "FLUSH_ON_INVOKE" => config.flush.strategy.to_string(),
        "FLUSH_BUDGET" => format!("{:?}", config.flush.budget),
        "QUEUE_BYTES" | "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => config.queue_bytes.to_string(),
        "SPOOL_DIR" => config.spool_dir.as_ref().map_or("off".into(), |path| path.display().to_string()),
        "PORT" => config.port.to_string(),
        "SELF_PROFILING" => config.self_profiling.to_string(),
        "METRICS" => config.metrics.to_string(),
        "DEV_MODE" => config.dev_mode.to_string(),
        "LOG_LEVEL" => config.log.level.to_string(),
        "LOG_FORMAT" => format!("{:?}", config.log.format),
        "LOG_TIMESTAMP_FORMAT" | "LOG_TIMESTAMP_DISABLE" => config
            .log
            .timestamp
            .as_ref()
            .map_or("off".into(), |layout| layout.format(std::time::SystemTime::UNIX_EPOCH)),
        "LOG_TIMESTAMP_FIELD_NAME" => config.log.names.time.clone(),
        "LOG_LEVEL_FIELD_NAME" => config.log.names.level.clone(),
        "LOG_MSG_FIELD_NAME" => config.log.names.msg.clone(),
        "LOG_LOGRUS_ERROR_FIELD_NAME" => config.log.names.logrus_error.clone(),
        "LOG_FUNC_FIELD_NAME" => config.log.names.func.clone(),
        "LOG_FILE_FIELD_NAME" => config.log.names.file.clone(),
        "AWS_LAMBDA_FUNCTION_NAME" => format!("{:?}", config.platform.function_name),
        "AWS_LAMBDA_FUNCTION_VERSION" => format!("{:?}", config.platform.function_version),
        "AWS_REGION" => format!("{:?}", config.platform.region),
        "AWS_LAMBDA_RUNTIME_API" => format!("{:?}", config.platform.runtime_api),
        "AWS_LAMBDA_INITIALIZATION_TYPE" => format!("{:?}", config.platform.initialization),
        _ => panic!("{name} is in the table, but this test does not know what it sets"),
    }
}

#[test]
fn good_values_are_used() {
    for (name, value, expected) in [
        ("PYROSCOPE_REMOTE_ADDRESS", "http://h:4040", "http://h:4040"),
        ("PYROSCOPE_AUTH_TOKEN", "abc", "Bearer abc"),
        ("PYROSCOPE_TENANT_ID", "team-a", "team-a"),
        ("PYROSCOPE_HTTP_HEADERS", r#"{"X-A":"1","x-b":"two words"}"#, "x-a=1 x-b=two words"),
        (
            "PYROSCOPE_HTTP_HEADERS",
            r#"{"X-A":1,"X-B":true,"X-C":1.5,"X-D":""}"#,
            "x-a=1 x-b=true x-c=1.5 x-d=",
        ),
        ("PYROSCOPE_HTTP_HEADERS", " {} ", ""),
        ("PYROSCOPE_LABELS", "team=a,env=prod", "team=a env=prod"),
        ("PYROSCOPE_LABELS", " team = the a team ,, env:prod,", "team=the a team env=prod"),
        ("PYROSCOPE_LABELS", "url=http://a=b,at:x=y", "url=http://a=b at=x=y"),
        ("PYROSCOPE_LABELS", ",", ""),
        ("HTTPS_PROXY", "http://proxy:3128", "http://proxy:3128 (HTTPS_PROXY)"),
        ("HTTPS_PROXY", " https://u:p@proxy/ ", "https://proxy (HTTPS_PROXY)"),
        ("HTTP_PROXY", "proxy:3128", "http://proxy:3128 (HTTP_PROXY)"),
        ("SSL_CERT_FILE", "/opt/ca.pem", "/opt/ca.pem"),
        ("PYROSCOPE_TLS_CA_FILE", "/opt/ca.pem", "/opt/ca.pem"),
        ("PYROSCOPE_TLS_CERT_FILE", "/opt/both.pem", "/opt/both.pem /opt/both.pem"),
        ("PYROSCOPE_TLS_KEY_FILE", "/opt/both.pem", "/opt/both.pem /opt/both.pem"),
        ("PYROSCOPE_TLS_INSECURE_SKIP_VERIFY", "false", "false"),
        ("PYROSCOPE_TIMEOUT", "1m30s", "90s"),
        ("PYROSCOPE_TIMEOUT", " 500ms\n", "500ms"),
        ("PYROSCOPE_NUM_WORKERS", "1", "1"),
        ("PYROSCOPE_NUM_WORKERS", "64", "64"),
        ("PYROSCOPE_NUM_WORKERS", "+7", "7"),
        ("PYROSCOPE_FLUSH_STRATEGY", "auto", "auto"),
        ("PYROSCOPE_FLUSH_STRATEGY", "invoke", "invoke"),
        ("PYROSCOPE_FLUSH_STRATEGY", "End", "end"),
        ("PYROSCOPE_FLUSH_STRATEGY", "background", "background"),
        ("PYROSCOPE_FLUSH_ON_INVOKE", "true", "invoke"),
        ("PYROSCOPE_FLUSH_ON_INVOKE", "0", "background"),
        ("PYROSCOPE_FLUSH_BUDGET", "2s", "2s"),
        ("PYROSCOPE_FLUSH_BUDGET", "0", "0ns"),
        ("PYROSCOPE_QUEUE_BYTES", "65536", "65536"),
        ("PYROSCOPE_QUEUE_BYTES", "512KiB", "524288"),
        ("PYROSCOPE_QUEUE_BYTES", "16 MiB", "16777216"),
        ("PYROSCOPE_QUEUE_BYTES", "1GiB", "1073741824"),
        ("PYROSCOPE_SPOOL_DIR", "/tmp/x", "/tmp/x"),
        ("PYROSCOPE_PORT", "4041", "4041"),
        ("PYROSCOPE_PORT", "0", "0"),
        ("PYROSCOPE_SELF_PROFILING", "T", "true"),
        ("PYROSCOPE_METRICS", "EMF", "true"),
        ("PYROSCOPE_METRICS", "off", "false"),
        ("PYROSCOPE_DEV_MODE", "True", "true"),
        ("PYROSCOPE_LOG_LEVEL", "panic", "ERROR"),
        ("PYROSCOPE_LOG_LEVEL", "fatal", "ERROR"),
        ("PYROSCOPE_LOG_LEVEL", "Error", "ERROR"),
        ("PYROSCOPE_LOG_LEVEL", "warn", "WARN"),
        ("PYROSCOPE_LOG_LEVEL", "WARNING", "WARN"),
        ("PYROSCOPE_LOG_LEVEL", "debug", "DEBUG"),
        ("PYROSCOPE_LOG_LEVEL", "trace", "TRACE"),
        ("PYROSCOPE_LOG_FORMAT", "json", "Json"),
        ("PYROSCOPE_LOG_FORMAT", "TEXT", "Text"),
        ("PYROSCOPE_LOG_TIMESTAMP_FORMAT", "02.01.2006", "01.01.1970"),
        ("PYROSCOPE_LOG_TIMESTAMP_DISABLE", "1", "off"),
        ("PYROSCOPE_LOG_TIMESTAMP_FIELD_NAME", "@timestamp", "@timestamp"),
        ("PYROSCOPE_LOG_LEVEL_FIELD_NAME", "severity", "severity"),
        ("PYROSCOPE_LOG_MSG_FIELD_NAME", "message", "message"),
        ("PYROSCOPE_LOG_LOGRUS_ERROR_FIELD_NAME", "oops", "oops"),
        ("PYROSCOPE_LOG_FUNC_FIELD_NAME", "caller", "caller"),
        ("PYROSCOPE_LOG_FILE_FIELD_NAME", "source", "source"),
        ("AWS_LAMBDA_FUNCTION_NAME", "orders", "Some(\"orders\")"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST", "Some(\"$LATEST\")"),
        ("AWS_REGION", "eu-west-1", "Some(\"eu-west-1\")"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001", "Some(\"127.0.0.1:9001\")"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand", "OnDemand"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency", "ProvisionedConcurrency"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start", "SnapStart"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances", "ManagedInstances"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "something-new", "Other"),
        ("AWS_LAMBDA_FUNCTION_NAME", "orders", "Some(\"orders\")"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128", "16777216"),
    ] {
        let (config, warnings) = read(&[(name, value)]);
        assert_eq!(shown(&config, name), expected, "{name}={value:?}");
        assert_eq!(warnings, [""; 0], "{name}={value:?}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_values_are_told_and_leave_the_default() {
    for (name, value, warning) in [
        ("PYROSCOPE_TIMEOUT", "10", "PYROSCOPE_TIMEOUT=\"10\": no unit; using 10s (write 10s, 500ms, 1m30s)"),
        (
            "PYROSCOPE_TIMEOUT",
            "0s",
            "PYROSCOPE_TIMEOUT=\"0s\": must be more than zero; using 10s (write 10s, 500ms, 1m30s)",
        ),
        (
            "PYROSCOPE_TIMEOUT",
            "-1s",
            "PYROSCOPE_TIMEOUT=\"-1s\": must be more than zero; using 10s (write 10s, 500ms, 1m30s)",
        ),
        (
            "PYROSCOPE_TIMEOUT",
            " ",
            "PYROSCOPE_TIMEOUT=\" \": not a duration; using 10s (write 10s, 500ms, 1m30s)",
        ),
        (
            "PYROSCOPE_FLUSH_BUDGET",
            "-1ms",
            "PYROSCOPE_FLUSH_BUDGET=\"-1ms\": must not be negative; using 500ms (write 500ms, 2s)",
        ),
        (
            "PYROSCOPE_NUM_WORKERS",
            "0",
            "PYROSCOPE_NUM_WORKERS=\"0\": must be more than zero; using 5 (write a number from 1 to 64)",
        ),
        (
            "PYROSCOPE_NUM_WORKERS",
            "-3",
            "PYROSCOPE_NUM_WORKERS=\"-3\": must be more than zero; using 5 (write a number from 1 to 64)",
        ),
        (
            "PYROSCOPE_NUM_WORKERS",
            "many",
            "PYROSCOPE_NUM_WORKERS=\"many\": not a whole number; using 5 (write a number from 1 to 64)",
        ),
        (
            "PYROSCOPE_FLUSH_STRATEGY",
            "never",
            "PYROSCOPE_FLUSH_STRATEGY=\"never\": not one of the choices; using auto (write auto, invoke, end or background)",
        ),
        (
            "PYROSCOPE_FLUSH_ON_INVOKE",
            "yes",
            "PYROSCOPE_FLUSH_ON_INVOKE=\"yes\": not a boolean; not used (write true or false)",
        ),
        (
            "PYROSCOPE_QUEUE_BYTES",
            "1",
            "PYROSCOPE_QUEUE_BYTES=\"1\": too small for a profile; not used (write a number of bytes from 64KiB, or such as 16MiB)",
        ),
        (
            "PYROSCOPE_QUEUE_BYTES",
            "lots",
            "PYROSCOPE_QUEUE_BYTES=\"lots\": not a number of bytes; not used (write a number of bytes from 64KiB, or such as 16MiB)",
        ),
        (
            "PYROSCOPE_QUEUE_BYTES",
            "99999999999999GiB",
            "PYROSCOPE_QUEUE_BYTES=\"99999999999999GiB\": too large; not used (write a number of bytes from 64KiB, or such as 16MiB)",
        ),
        (
            "PYROSCOPE_SPOOL_DIR",
            "spool",
            "PYROSCOPE_SPOOL_DIR=\"spool\": not an absolute path; using /tmp/pyroscope-lambda-extension (write an absolute path, or nothing to turn it off)",
        ),
        (
            "SSL_CERT_FILE",
            "ca.pem",
            "SSL_CERT_FILE=\"ca.pem\": not an absolute path; not used (write the path of a PEM file)",
        ),
        (
            "PYROSCOPE_TLS_CA_FILE",
            "ca.pem",
            "PYROSCOPE_TLS_CA_FILE=\"ca.pem\": not an absolute path; not used (write the path of a PEM file)",
        ),
        (
            "PYROSCOPE_TLS_INSECURE_SKIP_VERIFY",
            "yes",
            "PYROSCOPE_TLS_INSECURE_SKIP_VERIFY=\"yes\": not a boolean; using false (write true or false)",
        ),
        (
            "PYROSCOPE_PORT",
            "65536",
            "PYROSCOPE_PORT=\"65536\": not a port; using 4040 (write a number from 1 to 65535)",
        ),
        (
            "PYROSCOPE_SELF_PROFILING",
            "yes",
            "PYROSCOPE_SELF_PROFILING=\"yes\": not a boolean; using false (write true or false)",
        ),
        (
            "PYROSCOPE_METRICS",
            "on",
            "PYROSCOPE_METRICS=\"on\": not one of the choices; using off (write off or emf)",
        ),
        (
            "PYROSCOPE_DEV_MODE",
            "on",
            "PYROSCOPE_DEV_MODE=\"on\": not a boolean; using false (write true or false)",
        ),
        (
            "PYROSCOPE_TENANT_ID",
            "a\nb",
            "PYROSCOPE_TENANT_ID=\"a\\nb\": holds a line break or another character that no header may have; not used (write a tenant's name in ASCII)",
        ),
        (
            "PYROSCOPE_AUTH_TOKEN",
            "tok\nen",
            "PYROSCOPE_AUTH_TOKEN: holds a line break or another character that no header may have; not used (write the token alone, on one line)",
        ),
        (
            "PYROSCOPE_BASIC_AUTH_USER",
            "u",
            "PYROSCOPE_BASIC_AUTH_USER is set but PYROSCOPE_BASIC_AUTH_PASSWORD is not: basic authentication needs both, so neither is used (set both, or neither)",
        ),
        (
            "PYROSCOPE_BASIC_AUTH_PASSWORD",
            "p",
            "PYROSCOPE_BASIC_AUTH_PASSWORD is set but PYROSCOPE_BASIC_AUTH_USER is not: basic authentication needs both, so neither is used (set both, or neither)",
        ),
        (
            "PYROSCOPE_HTTP_HEADERS",
            "{X-A: b}",
            "PYROSCOPE_HTTP_HEADERS: not JSON, from line 1, column 2 on; using {} (write a JSON object of strings: {\"X-Header\":\"Value\"})",
        ),
        (
            "PYROSCOPE_HTTP_HEADERS",
            "\"s3cret\"",
            "PYROSCOPE_HTTP_HEADERS: JSON, but not an object; using {} (write a JSON object of strings: {\"X-Header\":\"Value\"})",
        ),
        (
            "PYROSCOPE_LOG_LEVEL",
            "loud",
            "PYROSCOPE_LOG_LEVEL=\"loud\": not one of the choices; using info (write error, warn, info, debug or trace)",
        ),
        (
            "PYROSCOPE_LOG_FORMAT",
            "xml",
            "PYROSCOPE_LOG_FORMAT=\"xml\": not one of the choices; using text (write text or json)",
        ),
        (
            "PYROSCOPE_LOG_TIMESTAMP_DISABLE",
            "no",
            "PYROSCOPE_LOG_TIMESTAMP_DISABLE=\"no\": not a boolean; using false (write true or false)",
        ),
        (
            "PYROSCOPE_LOG_TIMESTAMP_FORMAT",
            "%Y",
            "PYROSCOPE_LOG_TIMESTAMP_FORMAT=\"%Y\": nothing in it stands for a part of the time; using 2006-01-02T15:04:05Z07:00 (write how Go's reference time should look, such as 2006-01-02 15:04:05.000)",
        ),
        (
            "PYROSCOPE_LOG_MSG_FIELD_NAME",
            "a\nb",
            "PYROSCOPE_LOG_MSG_FIELD_NAME=\"a\\nb\": holds a control character; using msg (write a name without control characters)",
        ),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "big",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=\"big\": not a whole number; not used (write a number of MiB)",
        ),
    ] {
        let (config, warnings) = read(&[(name, value)]);
        assert_eq!(warnings, [warning]);
        assert_eq!(shown(&config, name), shown(&Config::default(), name), "{name}={value:?}");
    }
}

#[test]
fn an_empty_value_means_unset_but_for_the_spool() {
    let (empty, warnings) = Config::from_env(|_| Some(OsString::new()));
    assert_eq!(warnings, []);
    for variable in VARIABLES {
        let expected = match variable.name {
            "PYROSCOPE_SPOOL_DIR" => "off".to_owned(),
            name => shown(&Config::default(), name),
        };
        assert_eq!(shown(&empty, variable.name), expected, "{}", variable.name);
    }
}

#[test]
fn each_default_in_the_table_is_what_holds_while_the_variable_is_unset() {
    for variable in VARIABLES {
        if let Unset::Value(default) = variable.unset {
            let (config, warnings) = read(&[(variable.name, default)]);
            assert_eq!(warnings, [""; 0], "{}", variable.name);
            assert_eq!(
                shown(&config, variable.name),
                shown(&Config::default(), variable.name),
                "{}",
                variable.name
            );
        }
    }
    let config = Config::default();
    assert_eq!(config.timeout, Duration::from_secs(10));
    assert_eq!(config.workers.get(), 5);
    assert_eq!(
        (config.flush.strategy, config.flush.budget),
        (FlushStrategy::Auto, Duration::from_millis(500))
    );
    assert_eq!(config.queue_bytes, 16 << 20);
    assert_eq!(config.spool_dir.as_deref(), Some(Path::new("/tmp/pyroscope-lambda-extension")));
    assert_eq!((config.port, config.self_profiling, config.dev_mode), (4040, false, false));
    assert_eq!((config.log.level, config.log.format), (Level::INFO, LogFormat::Text));
    assert!(config.log.timestamp.is_some());
    assert_eq!(config.platform.initialization, InitializationType::Other);
}
