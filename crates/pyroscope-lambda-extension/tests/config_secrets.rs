//! Where the token and the password come from, and what is said where that is not clear.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::ffi::OsString;

use pyroscope_lambda_extension::config::{
    Authentication, AwsConfig, Config, Credentials, KeySource, Keys, Warning,
};
use pyroscope_lambda_extension::secret::arn::Service;
use pyroscope_lambda_extension::secret::{Secret, Source};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:1:secret:pyroscope-AbCdEf#token";

type Set<'a> = &'a [(&'a str, &'a str)];

/// The configuration and the texts of the warnings for a few variables.
fn read(set: Set) -> (Config, Vec<String>) {
    let (config, warnings) = Config::from_env(|name| {
        set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
    });
    (config, warnings.iter().map(Warning::to_string).collect())
}

/// Where the credentials come from, in words.
fn told(credentials: &Credentials) -> String {
    let place = |source: &Source| match source {
        Source::Plain(secret) => format!("plain {}", secret.expose()),
        Source::Kept(reference) => reference.to_string(),
    };
    match credentials {
        Credentials::None => "none".to_owned(),
        Credentials::Unusable => "unusable".to_owned(),
        Credentials::Secret(Authentication::Bearer, source) => format!("Bearer, {}", place(source)),
        Credentials::Secret(Authentication::Basic { user }, source) => {
            format!("Basic of {}, {}", user.expose(), place(source))
        }
    }
}

#[test]
fn a_secret_comes_from_an_arn_else_from_a_file_else_from_the_variable() {
    let arn = ("PYROSCOPE_AUTH_TOKEN_ARN", ARN);
    let file = ("PYROSCOPE_AUTH_TOKEN_FILE", "/run/token");
    let plain = ("PYROSCOPE_AUTH_TOKEN", "token");
    let user = ("PYROSCOPE_BASIC_AUTH_USER", "us");
    let from_arn = format!("Bearer, PYROSCOPE_AUTH_TOKEN_ARN=\"{ARN}\"");
    let from_file = "Bearer, PYROSCOPE_AUTH_TOKEN_FILE=\"/run/token\"";
    let beside =
        |ignored: &str, used: &str| format!("{ignored} set beside {used}; using {used} (unset the rest)");
    let cases: [(Set, &str, Vec<String>); 8] = [
        (&[plain], "Bearer, plain token", vec![]),
        (&[file], from_file, vec![]),
        (&[arn], &from_arn, vec![]),
        (&[file, plain], from_file, vec![beside("PYROSCOPE_AUTH_TOKEN is", file.0)]),
        (&[arn, plain], &from_arn, vec![beside("PYROSCOPE_AUTH_TOKEN is", arn.0)]),
        (
            &[arn, file, plain],
            &from_arn,
            vec![beside("PYROSCOPE_AUTH_TOKEN_FILE and PYROSCOPE_AUTH_TOKEN are", arn.0)],
        ),
        (
            &[user, ("PYROSCOPE_BASIC_AUTH_PASSWORD_FILE", "/p"), ("PYROSCOPE_BASIC_AUTH_PASSWORD", "x")],
            "Basic of us, PYROSCOPE_BASIC_AUTH_PASSWORD_FILE=\"/p\"",
            vec![beside("PYROSCOPE_BASIC_AUTH_PASSWORD is", "PYROSCOPE_BASIC_AUTH_PASSWORD_FILE")],
        ),
        // The token wins over user and password, wherever each of them is.
        (&[user, ("PYROSCOPE_BASIC_AUTH_PASSWORD_ARN", ARN), plain], "Bearer, plain token", vec![]),
    ];
    for (set, expected, expected_warnings) in cases {
        let (config, warnings) = read(set);
        assert_eq!(told(&config.credentials), expected, "{set:?}");
        assert_eq!(warnings, expected_warnings, "{set:?}");
    }
}

#[test]
fn what_names_no_secret_is_told_and_nothing_is_sent_unless_something_stands_in() {
    let write = "(write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with #KEY for a value of a JSON object, or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME)";
    let plain = ("PYROSCOPE_AUTH_TOKEN", "token");
    let user = ("PYROSCOPE_BASIC_AUTH_USER", "us");
    let cases: [(Set, &str, String); 6] = [
        (
            &[("PYROSCOPE_AUTH_TOKEN_ARN", "arn:aws:s3:::bucket")],
            "unusable",
            format!(
                "PYROSCOPE_AUTH_TOKEN_ARN=\"arn:aws:s3:::bucket\": an ARN of neither Secrets Manager nor the Parameter Store; no profiles are sent {write}"
            ),
        ),
        (
            &[("PYROSCOPE_AUTH_TOKEN_ARN", "s3cret-in-the-wrong-place")],
            "unusable",
            format!("PYROSCOPE_AUTH_TOKEN_ARN: not an ARN; no profiles are sent {write}"),
        ),
        (
            &[("PYROSCOPE_AUTH_TOKEN_FILE", "s3cret-in-the-wrong-place")],
            "unusable",
            "PYROSCOPE_AUTH_TOKEN_FILE: not an absolute path; no profiles are sent (write an absolute path)".into(),
        ),
        (
            &[("PYROSCOPE_AUTH_TOKEN_ARN", "x"), user, ("PYROSCOPE_BASIC_AUTH_PASSWORD", "pw")],
            "Basic of us, plain pw",
            format!("PYROSCOPE_AUTH_TOKEN_ARN: not an ARN; not used {write}"),
        ),
        (
            &[user, ("PYROSCOPE_BASIC_AUTH_PASSWORD_ARN", "x")],
            "unusable",
            format!("PYROSCOPE_BASIC_AUTH_PASSWORD_ARN: not an ARN; no profiles are sent {write}"),
        ),
        (
            &[("PYROSCOPE_BASIC_AUTH_PASSWORD_FILE", "/p")],
            "none",
            "PYROSCOPE_BASIC_AUTH_PASSWORD_FILE is set but PYROSCOPE_BASIC_AUTH_USER is not: basic authentication needs both, so neither is used (set both, or neither)".into(),
        ),
    ];
    for (set, expected, warning) in cases {
        let (config, warnings) = read(set);
        assert_eq!(told(&config.credentials), expected, "{set:?}");
        assert_eq!(warnings, [warning], "{set:?}");
    }
    let (config, warnings) = read(&[("PYROSCOPE_AUTH_TOKEN_ARN", "x"), plain]);
    assert_eq!(told(&config.credentials), "Bearer, plain token");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

fn aws(set: Set) -> AwsConfig {
    let mut all = vec![("PYROSCOPE_AUTH_TOKEN_ARN", ARN)];
    all.extend(set);
    let (config, warnings) = read(&all);
    assert_eq!(warnings, [""; 0]);
    config.aws.unwrap()
}

#[test]
fn aws_is_asked_as_its_own_variables_say() {
    let endpoints = |config: &AwsConfig| {
        [Service::SecretsManager, Service::ParameterStore]
            .map(|service| config.endpoint(service).map_or("its own".to_owned(), ToString::to_string))
    };
    let all = ("AWS_ENDPOINT_URL", "http://localhost:4566");
    let secrets = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://vpce-1.example");
    let parameters = ("AWS_ENDPOINT_URL_SSM", "https://vpce-2.example/base/");
    assert_eq!(endpoints(&aws(&[])), ["its own", "its own"]);
    assert_eq!(endpoints(&aws(&[all])), [all.1, all.1]);
    assert_eq!(endpoints(&aws(&[all, secrets])), [secrets.1, all.1]);
    assert_eq!(endpoints(&aws(&[secrets, parameters])), [secrets.1, "https://vpce-2.example/base"]);
}

#[test]
fn requests_to_aws_are_signed_with_the_keys_of_the_environment_else_with_those_handed_out() {
    let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s3cret"));
    let session = ("AWS_SESSION_TOKEN", "s3cret-session");
    let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/2021-04-23/credentials");
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "s3cret-token");
    let keys = |session_token| {
        KeySource::Stated(Keys {
            id: "AKID".to_owned(),
            secret: Secret::new("s3cret".to_owned()),
            session_token,
        })
    };
    assert_eq!(aws(&[]).keys, KeySource::None);
    assert_eq!(aws(&[id]).keys, KeySource::None);
    assert_eq!(aws(&[id, secret]).keys, keys(None));
    let all = aws(&[id, secret, session, container, token]);
    assert_eq!(all.keys, keys(Some(Secret::new("s3cret-session".to_owned()))));
    let handed_out = aws(&[container, token]);
    match &handed_out.keys {
        KeySource::Container { address, token } => {
            assert_eq!(address.to_string(), container.1);
            assert_eq!(token.as_ref().unwrap().expose(), "s3cret-token");
        }
        other => panic!("{other:?}"),
    }
    let shown = format!("{all:?} {handed_out:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_variables_of_aws_are_left_alone_where_no_arn_is_set() {
    let (config, warnings) = read(&[("AWS_ENDPOINT_URL", "nonsense"), ("AWS_ACCESS_KEY_ID", "AKID")]);
    assert!(config.aws.is_none());
    assert_eq!(warnings, [""; 0]);
    let (_, warnings) = read(&[("AWS_ENDPOINT_URL", "nonsense"), ("PYROSCOPE_AUTH_TOKEN_ARN", ARN)]);
    assert!(
        warnings[0].starts_with("AWS_ENDPOINT_URL=\"nonsense\": not an http or https URL"),
        "{warnings:?}"
    );
}
