//! Booleans and durations are read as Go reads them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail in its helper functions"
)]

use proptest::prelude::*;
use pyroscope_lambda_extension::config::{ValueFault, parse_bool, parse_duration};
use serde_json::Value;

fn cases(json: &str) -> Vec<(String, Value)> {
    let cases: Vec<Value> = serde_json::from_str(json).unwrap();
    cases.into_iter().map(|case| (case["text"].as_str().unwrap().to_owned(), case["value"].clone())).collect()
}

#[test]
fn every_boolean_is_read_as_go_reads_it() {
    for (text, expected) in cases(include_str!("go-reference/bools.json")) {
        assert_eq!(parse_bool(&text).ok(), expected.as_bool(), "{text:?}");
    }
}

#[test]
fn every_duration_is_read_as_go_reads_it() {
    for (text, expected) in cases(include_str!("go-reference/durations.json")) {
        let expected: Option<i64> = expected.as_str().map(|nanos| nanos.parse().unwrap());
        assert_eq!(parse_duration(&text).ok(), expected, "{text:?}");
    }
}

#[test]
fn what_is_wrong_with_a_duration_is_told_apart() {
    for (text, fault) in [
        ("10", ValueFault::NoUnit),
        ("1m30", ValueFault::NoUnit),
        ("10seconds", ValueFault::UnknownUnit),
        ("1 s", ValueFault::UnknownUnit),
        ("soon", ValueFault::NotADuration),
        ("", ValueFault::NotADuration),
        (".s", ValueFault::NotADuration),
        ("3000000h", ValueFault::TooLarge),
        ("99999999999999999999s", ValueFault::TooLarge),
    ] {
        assert_eq!(parse_duration(text), Err(fault), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "[-+0-9.a-zµμ１]{0,24}|\\PC{0,12}") {
        let _ = (parse_bool(&text), parse_duration(&text));
    }

    #[test]
    fn whole_numbers_of_each_unit_add_up(hours in 0..1000_i64, minutes in 0..1000_i64, seconds in 0..1000_i64, millis in 0..1000_i64) {
        let expected = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + millis * 1_000_000;
        prop_assert_eq!(parse_duration(&format!("{hours}h{minutes}m{seconds}s{millis}ms")), Ok(expected));
    }
}
