//! `PYROSCOPE_LABELS` and `PYROSCOPE_LAMBDA_LABELS`: which labels they make, and what is said of those they don't.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::ffi::OsString;

use proptest::prelude::*;
use pyroscope_lambda_extension::config::{Config, Warning};

const LAMBDA: [(&str, &str); 6] = [
    ("PYROSCOPE_LAMBDA_LABELS", "true"),
    ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"),
];

/// The labels and the texts of the warnings for a few variables.
fn read(set: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let (config, warnings) = Config::from_env(|name| {
        set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
    });
    let labels = config.labels.iter().map(|(name, value)| format!("{name}={value}"));
    (labels.collect(), warnings.iter().map(Warning::to_string).collect())
}

#[test]
fn a_bad_entry_is_skipped_with_its_fault_and_the_others_are_used() {
    let long = "x".repeat(2049);
    let name = "n".repeat(1025);
    for (entry, fault) in [
        ("1a=b", "not a label's name (write a letter or `_`, then letters, digits, `_` or `.`)"),
        ("a-b=c", "not a label's name (write a letter or `_`, then letters, digits, `_` or `.`)"),
        ("é=c", "not a label's name (write a letter or `_`, then letters, digits, `_` or `.`)"),
        ("=c", "not a label's name (write a letter or `_`, then letters, digits, `_` or `.`)"),
        (&format!("{name}=x"), "its name is too long (at most 1024 bytes)"),
        (
            "__name__=x",
            "names that begin with `__` are reserved: Pyroscope gives them their meaning (choose another name)",
        ),
        (
            "__session_id__=0123456789abcdef",
            "names that begin with `__` are reserved: Pyroscope gives them their meaning (choose another name)",
        ),
        (
            "_.x=y",
            "names that begin with `__` are reserved: Pyroscope gives them their meaning (choose another name)",
        ),
        (
            "service_name=x",
            "the name is taken: the server or the SDK gives it its value (choose another name)",
        ),
        (
            "service.name=x",
            "the name is taken: the server or the SDK gives it its value (choose another name)",
        ),
        (
            "pyroscope_spy=x",
            "the name is taken: the server or the SDK gives it its value (choose another name)",
        ),
        ("team", "no value (write name=value)"),
        ("team=", "no value (write name=value)"),
        (&format!("team={long}"), "its value is too long (at most 2048 bytes)"),
        (
            "team={a}",
            "a value can't hold `,` or `}`, nor begin or end with a space: on /ingest it would end there",
        ),
        ("last.one=2", "the name is given twice; `.` and `_` are the same to the server (remove one)"),
    ] {
        let (labels, warnings) = read(&[("PYROSCOPE_LABELS", &format!("last_one=1,{entry},first=2"))]);
        assert_eq!(labels, ["last_one=1", "first=2"], "{entry}");
        let mut shown: String = entry.chars().take(80).collect();
        if shown != entry {
            shown.push('…');
        }
        assert_eq!(warnings, [format!("PYROSCOPE_LABELS: {shown:?}: {fault}; skipped, the others are used")]);
    }
}

#[test]
fn names_and_values_as_long_as_the_server_takes_are_used() {
    let entry = format!("{}={}", "n".repeat(1024), "x".repeat(2048));
    assert_eq!(read(&[("PYROSCOPE_LABELS", &entry)]), (vec![entry.clone()], Vec::new()));
}

#[test]
fn more_labels_than_a_series_takes_are_left_out() {
    let entries: Vec<_> = (0..31).map(|number| format!("label{number}=x")).collect();
    let (labels, warnings) = read(&[("PYROSCOPE_LABELS", &entries.join(","))]);
    assert_eq!(labels, entries[..29], "the session id is the thirtieth");
    let too_many = "one too many: a series takes 30 labels at most; skipped, the others are used";
    assert_eq!(warnings, [29, 30].map(|number| format!("PYROSCOPE_LABELS: \"label{number}=x\": {too_many}")));

    let entries: Vec<_> = (0..9).map(|number| format!("l{number}={}", "x".repeat(2000))).collect();
    let (labels, warnings) = read(&[("PYROSCOPE_LABELS", &entries.join(","))]);
    assert_eq!(labels, entries[..8]);
    assert!(warnings.concat().contains("all labels together take 16384 bytes at most"), "{warnings:?}");
}

#[test]
fn what_lambda_says_of_the_function_goes_by_opentelemetrys_names() {
    let arch = if cfg!(target_arch = "aarch64") { "host_arch=arm64" } else { "host_arch=amd64" };
    let expected = [
        "faas_name=orders",
        "faas_version=$LATEST",
        "cloud_region=eu-west-1",
        "faas_max_memory=134217728",
        arch,
        "aws_lambda_initialization_type=snap-start",
    ];
    assert_eq!(read(&LAMBDA), (expected.map(str::to_owned).to_vec(), Vec::new()));
    assert_eq!(read(&LAMBDA[1..]), (Vec::new(), Vec::new()), "unless it is asked for");
    assert_eq!(
        read(&[LAMBDA[0]]),
        (vec![arch.to_owned()], Vec::new()),
        "without a Lambda little is known, and that is no fault"
    );
}

#[test]
fn a_label_that_is_given_wins_over_lambdas() {
    let given = [("PYROSCOPE_LABELS", "faas.name=mine,cloud_region=here")];
    let (labels, warnings) = read(&[&given[..], &LAMBDA].concat());
    assert_eq!(labels[..3], ["faas.name=mine", "cloud_region=here", "faas_version=$LATEST"]);
    assert_eq!((labels.len(), warnings), (6, Vec::new()));
}

#[test]
fn lambdas_labels_that_find_no_room_are_told_of() {
    let given: Vec<_> = (0..29).map(|number| format!("label{number}=x")).collect();
    let given = [("PYROSCOPE_LABELS", given.join(","))];
    let given = given.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (labels, warnings) = read(&[&given[..], &LAMBDA].concat());
    assert_eq!((labels.len(), warnings.len()), (29, 6));
    assert!(
        warnings[0].starts_with("PYROSCOPE_LAMBDA_LABELS: \"faas_name=orders\": one too many"),
        "{warnings:?}"
    );
}

proptest! {
    #[test]
    fn any_text_makes_labels_that_every_format_can_carry_or_warnings(text in "([a-z_.=:,{} ]|.){0,80}") {
        let (labels, warnings) = read(&[("PYROSCOPE_LABELS", &text)]);
        let entries = text.split(',').filter(|entry| !entry.trim().is_empty()).count();
        prop_assert_eq!(labels.len() + warnings.len(), entries);
        for label in &labels {
            let (name, value) = label.split_once('=').unwrap();
            prop_assert!(!name.is_empty() && !name.starts_with("__"));
            let fits = !value.is_empty() && value.trim() == value && !value.contains([',', '}']);
            prop_assert!(fits, "{}", label);
        }
    }
}
