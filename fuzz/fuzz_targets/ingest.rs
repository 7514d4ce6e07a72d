//! `/ingest`: the name in a query string gains the labels that it lacks; every other byte stays.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::labels::{LabelSet, ingest};
use pyroscope_lambda_extension::session::LABEL;
use pyroscope_lambda_extension_fuzz::{choice, gains, is_subsequence, names, queries, sets};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = choice(input) else { return };
    let Ok(text) = str::from_utf8(rest) else { return };
    let set = sets::chosen(choice);
    let read = names::labels(text);
    let mut parsed = Vec::new();
    let accepted = ingest::parse(text, |key, value| parsed.push((key.to_owned(), value.to_owned())));
    assert_eq!(accepted.ok().map(|()| parsed), read, "names are read as the server reads them");
    // The text as a name and as a whole query string.
    query(&format!("from=1&name={}&until=2", queries::encoded(text)), &set);
    query(text, &set);
});

fn query(query: &str, set: &LabelSet) {
    let before = labels(query);
    let lacking = before.as_ref().map_or(Vec::new(), |labels| {
        // The server makes nothing of names that begin so, but for the session id.
        let kept = |name: &&str| *name == LABEL || !name.starts_with("__");
        let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).filter(kept).collect();
        sets::lacking(set, &names, names.len() + sets::ADDED_BY_SERVER)
    });
    let Some(added) = gains::query_with(set, query) else {
        assert!(lacking.is_empty(), "{lacking:?} of {query}");
        return;
    };
    let mut wanted: BTreeMap<_, _> =
        before.expect("what the server rejects stays as it is").into_iter().collect();
    wanted.extend(lacking.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(labels(&added).map(|labels| labels.into_iter().collect()), Some(wanted), "{added}");
    assert_eq!(gains::query_with(set, &added), None, "adding twice changes nothing");
    assert!(is_subsequence(query.as_bytes(), added.as_bytes()), "no byte that was there may go");
    let others =
        |query| queries::pairs(query).into_iter().filter(|(key, _)| key != b"name").collect::<Vec<_>>();
    assert_eq!(others(query), others(&added), "no other parameter changes");
}

/// What the server reads in a query.
fn labels(query: &str) -> Option<Vec<(String, String)>> {
    names::labels(&String::from_utf8_lossy(&queries::name(query)?))
}
