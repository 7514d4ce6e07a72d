//! `/ingest`: the session id in the `name` parameter.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use std::collections::BTreeMap;

use labels_support::{ID, captures, session};
use proptest::prelude::*;
use pyroscope_lambda_extension::labels::{LabelSet, ingest};
use pyroscope_lambda_extension::session::LABEL;
use serde::Deserialize;

type Labels = BTreeMap<String, String>;

/// A name, and what the server's own parser made of it.
#[derive(Deserialize)]
struct Vector {
    name: String,
    labels: Option<Labels>,
    #[serde(default)]
    rejected: bool,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors/ingest-names.json")).unwrap();
    assert_eq!(vectors.len(), 300);
    vectors
}

fn add(query: &str, labels: &LabelSet) -> Option<String> {
    ingest::add(query, labels).changed
}

fn parse(name: &str) -> Option<Labels> {
    let mut labels = Labels::new();
    ingest::parse(name, |key, value| _ = labels.insert(key.to_owned(), value.to_owned())).ok()?;
    Some(labels)
}

/// Every byte escaped that a query string doesn't take as it is, and some that it does.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).unwrap()
}

/// The first value of `name` in a query whose pairs are all in order.
fn name_of(query: &str) -> String {
    decode(query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap())
}

fn with_id(mut labels: Labels) -> Labels {
    labels.entry(LABEL.to_owned()).or_insert_with(|| ID.to_owned());
    labels
}

#[test]
fn the_parser_agrees_with_the_servers_on_every_vector() {
    for vector in vectors() {
        assert_eq!(parse(&vector.name), vector.labels, "{:?}", vector.name);
        assert_eq!(vector.rejected, vector.labels.is_none(), "{:?}", vector.name);
    }
}

#[test]
fn an_accepted_name_gains_the_id_and_nothing_else() {
    for vector in vectors() {
        let query = format!("from=1&name={}&until=2", encode(&vector.name));
        let added = add(&query, &session());
        match vector.labels {
            Some(labels) if !labels.contains_key(LABEL) => {
                let added = added.expect(&vector.name);
                assert_eq!(parse(&name_of(&added)), Some(with_id(labels)), "{added}");
                assert_eq!(add(&added, &session()), None, "{added}");
            }
            _ => assert_eq!(added, None, "{:?}", vector.name),
        }
    }
}

#[test]
fn only_the_name_changes() {
    let table = [
        ("name=app", "name=app%7B__session_id__%3D0123456789abcdef%7D"),
        ("name=app%7B%7D", "name=app%7B__session_id__%3D0123456789abcdef%2C%7D"),
        ("name=app%7ba%3db%7d", "name=app%7b__session_id__%3D0123456789abcdef%2Ca%3db%7d"),
        ("name=app{a=b}&x=1", "name=app{__session_id__%3D0123456789abcdef%2Ca=b}&x=1"),
        (
            "x=a;b&y=%zz&&z&z=&name=app&+",
            "x=a;b&y=%zz&&z&z=&name=app%7B__session_id__%3D0123456789abcdef%7D&+",
        ),
        ("name=app&name=other", "name=app%7B__session_id__%3D0123456789abcdef%7D&name=other"),
        ("name=a;b&name=app", "name=a;b&name=app%7B__session_id__%3D0123456789abcdef%7D"),
        ("name=a%&name=app", "name=a%&name=app%7B__session_id__%3D0123456789abcdef%7D"),
        ("n%61me=app", "n%61me=app%7B__session_id__%3D0123456789abcdef%7D"),
        ("name=+app+", "name=+app+%7B__session_id__%3D0123456789abcdef%7D"),
        ("name=app%7B%7Da%3Db%7D", "name=app%7B__session_id__%3D0123456789abcdef%2C%7Da%3Db%7D"),
        ("name=app%7Ba%3D%FF%7D", "name=app%7B__session_id__%3D0123456789abcdef%2Ca%3D%FF%7D"),
        (
            "name=app%7B%E2%80%83a%C2%A0%3Db%7D",
            "name=app%7B__session_id__%3D0123456789abcdef%2C%E2%80%83a%C2%A0%3Db%7D",
        ),
    ];
    for (query, expected) in table {
        assert_eq!(add(query, &session()).as_deref(), Some(expected), "{query}");
    }
}

#[test]
fn a_query_that_the_server_rejects_or_that_has_an_id_stays() {
    let table = [
        "",
        "&",
        "name",
        "name=",
        "name&name=app",
        "name=%FF",
        "name=a%257B",
        "from=1",
        "name=app;",
        "name=%zz",
        "name=a%20b",
        "name=app%7B__session_id__%3Dx%7D",
        "name=app%7B+__session_id__%3D%7D",
        "name=app%7Ba%3Db%7D%2Cc%3Dd%7D",
        "name=my+app",
    ];
    for query in table {
        assert_eq!(add(query, &session()), None, "{query}");
    }
}

#[test]
fn an_id_in_a_pair_that_nothing_ends_is_no_id() {
    let added = add("name=app%7B__session_id__%3Dx", &session()).unwrap();
    assert_eq!(parse(&name_of(&added)).unwrap()[LABEL], ID);
}

#[test]
fn what_the_node_sdk_sends_gains_the_id() {
    for (head, _) in captures("node") {
        let target = head.split(' ').nth(1).unwrap();
        let (_, query) = target.split_once('?').unwrap();
        let added = add(query, &session()).unwrap();
        assert_eq!(added.replacen("__session_id__%3D0123456789abcdef%2C", "", 1), query);
        let labels = parse(&name_of(&added)).unwrap();
        assert_eq!(
            (labels[LABEL].as_str(), labels["__name__"].as_str(), labels["a"].as_str()),
            (ID, "orders.lambda", "b")
        );
    }
}

#[test]
fn configured_labels_come_in_order_and_yield_to_the_sdks() {
    let labels = session().with("region", "eu west/1").unwrap().with("team", "x=y").unwrap();
    let added = add("name=app%7Bregion%3Dmine%7D", &labels).unwrap();
    assert_eq!(added, "name=app%7B__session_id__%3D0123456789abcdef%2Cteam%3Dx%3Dy%2Cregion%3Dmine%7D");
    let added = add("name=app", &labels).unwrap();
    assert_eq!(parse(&name_of(&added)).unwrap()["region"], "eu west/1");
    assert_eq!(parse(&name_of(&added)).unwrap()["team"], "x=y");
}

proptest! {
    #[test]
    fn any_name_that_parses_gains_the_id_and_nothing_else(name in "[a{}=, %+;_.&]{0,24}|.{0,12}") {
        let query = format!("a=b&name={}", encode(&name));
        let added = add(&query, &session());
        match parse(&name) {
            Some(labels) if !labels.contains_key(LABEL) => prop_assert_eq!(parse(&name_of(&added.unwrap())), Some(with_id(labels))),
            _ => prop_assert_eq!(added, None),
        }
    }

    #[test]
    fn any_query_keeps_every_byte(query in "(name|[a-z;]|%7B|%7D|[{}=&+%;,]|.){0,24}") {
        if let Some(added) = add(&query, &session()) {
            let pieces = ["__session_id__%3D0123456789abcdef%2C", "%7B__session_id__%3D0123456789abcdef%7D"];
            prop_assert!(pieces.iter().any(|piece| added.replacen(piece, "", 1) == query));
            prop_assert_eq!(add(&added, &session()), None);
        }
    }
}
