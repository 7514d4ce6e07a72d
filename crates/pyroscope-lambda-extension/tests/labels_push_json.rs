//! `push.v1.PusherService/Push` as JSON: what is added is all that changes, down to the spaces.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use bytes::Bytes;
use labels_support::{GZIP, JSON, LIMIT, add_to_push, gunzip, gzip, session};
use proptest::prelude::*;
use pyroscope_lambda_extension::labels::Untouched;
use serde_json::{Value, json};

fn add(body: &str) -> Result<Option<String>, Untouched> {
    let added = add_to_push(&Bytes::copy_from_slice(body.as_bytes()), JSON, None, &session(), LIMIT)?;
    Ok(added.map(|added| String::from_utf8(added.to_vec()).unwrap()))
}

#[test]
fn only_the_label_is_added() {
    let label = r#"{"name":"__session_id__","value":"0123456789abcdef"}"#;
    let table = [
        (r#"{"series":[{"labels":[]}]}"#, r#"{"series":[{"labels":[@]}]}"#),
        (r#"{"series":[{"labels":[ ]}]}"#, r#"{"series":[{"labels":[@ ]}]}"#),
        (r#"{"series":[{}]}"#, r#"{"series":[{"labels":[@]}]}"#),
        (
            r#"{"series":[{ }, { "samples" : [] }]}"#,
            r#"{"series":[{"labels":[@] }, {"labels":[@], "samples" : [] }]}"#,
        ),
        (r#"{"series":[{"labels":null,"x":1}]}"#, r#"{"series":[{"labels":[@],"x":1}]}"#),
        (r#"{"series":[{"labels":[{"name":"a"}]}]}"#, r#"{"series":[{"labels":[@,{"name":"a"}]}]}"#),
        (
            r#"{"series":[{"labels":[{"name":null,"value":null}]}]}"#,
            r#"{"series":[{"labels":[@,{"name":null,"value":null}]}]}"#,
        ),
        (
            " \n{\"x\": 123456789012345678901234567890.10e+5, \"series\" : [ {\"samples\":[{\"rawProfile\":\"AA==\\u0041\"}] ,\"labels\" : [ {\"value\":\"\\u00fc\",\"name\":\"a\"} ]} ] , \"x\":-0.0}\t",
            " \n{\"x\": 123456789012345678901234567890.10e+5, \"series\" : [ {\"samples\":[{\"rawProfile\":\"AA==\\u0041\"}] ,\"labels\" : [@, {\"value\":\"\\u00fc\",\"name\":\"a\"} ]} ] , \"x\":-0.0}\t",
        ),
    ];
    for (body, expected) in table {
        let added = add(body).unwrap().unwrap_or_else(|| panic!("{body}"));
        assert_eq!(added, expected.replace('@', label));
        assert_eq!(add(&added).unwrap(), None);
    }
}

#[test]
fn a_series_that_has_an_id_keeps_it() {
    for body in [
        r#"{"series":[{"labels":[{"name":"__session_id__","value":"mine"}]}]}"#,
        r#"{"series":[{"labels":[{"name":"a"},{"value":"","name":"\u005f_session_id__"}]}]}"#,
        r#"{"series":[]}"#,
        r#"{"series":null}"#,
        "{}",
    ] {
        assert_eq!(add(body).unwrap(), None, "{body}");
    }
}

#[test]
fn what_is_not_the_schemas_json_is_refused() {
    for body in [
        "",
        "null",
        "[]",
        "[[]]",
        "{",
        r#"{"series":{}}"#,
        r#"{"series":[null]}"#,
        r#"{"series":[[[]]]}"#,
        r#"{"series":[{"labels":{}}]}"#,
        r#"{"series":[{"labels":[["a"]]}]}"#,
        r#"{"series":[{"labels":[{"name":1}]}]}"#,
        r#"{"series":[{"labels":[],"labels":[]}]}"#,
        r#"{"series":[],"series":[]}"#,
        r#"{"series":[{}]} x"#,
        r#"{"series":[{},]}"#,
    ] {
        assert!(matches!(add(body), Err(Untouched::Json(_))), "{body}");
    }
}

#[test]
fn a_deep_value_costs_no_stack() {
    let body = format!(r#"{{"x":{}1{},"series":[{{}}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(add(&body), Err(Untouched::Json(_)) | Ok(Some(_))));
}

#[test]
fn an_item_over_the_limit_is_told_as_such() {
    let body = format!(r#"{{"series":[{}{{}}]}}"#, "{},".repeat(1000));
    let added = add_to_push(&body.into(), JSON, None, &session(), 20_000);
    assert!(matches!(added, Err(Untouched::TooLarge { limit: 20_000 })));
}

#[test]
fn gzip_in_is_gzip_out() {
    let body = gzip(br#"{"series":[{"labels":[]}]}"#);
    let added = add_to_push(&body, JSON, GZIP, &session(), LIMIT).unwrap().unwrap();
    let label = r#"{"name":"__session_id__","value":"0123456789abcdef"}"#;
    assert_eq!(gunzip(&added), format!(r#"{{"series":[{{"labels":[{label}]}}]}}"#).as_bytes());
}

#[test]
fn a_value_is_quoted_as_json_asks() {
    let labels = session().with("quote", "a\"b\\c\u{1}ü").unwrap();
    let added =
        add_to_push(&Bytes::from_static(br#"{"series":[{}]}"#), JSON, None, &labels, LIMIT).unwrap().unwrap();
    let added: Value = serde_json::from_slice(&added).unwrap();
    assert_eq!(added["series"][0]["labels"][1], json!({"name": "quote", "value": "a\"b\\c\u{1}ü"}));
}

proptest! {
    #[test]
    fn any_text_comes_out_as_json_or_not_at_all(
        body in r#"(\{"series":\[)?(\{|\}|\[|\]|,|null|"labels":|"name":|"__session_id__"|"a"| |1|.){0,12}(\]\})?"#,
    ) {
        if let Ok(Some(added)) = add(&body) {
            serde_json::from_str::<Value>(&added).unwrap();
            prop_assert_eq!(add(&added).unwrap(), None);
        }
    }
}
