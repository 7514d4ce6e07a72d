//! `PushRequest` as JSON: every series gains what it lacks, in front of what it has, and nothing else changes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::labels::{LabelSet, Untouched, push};
use pyroscope_lambda_extension_fuzz::schema::{JSON, LIMIT};
use pyroscope_lambda_extension_fuzz::{choice, is_subsequence, sets};
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = choice(input) else { return };
    let set = sets::chosen(choice);
    let Ok(read) = serde_json::from_slice::<Value>(body) else {
        // The extension may read what serde_json's own values can't hold, such as 1e999. It must do so twice.
        drop(added(body, &set));
        return;
    };
    let wanted = expected(read.clone(), &set);
    match added(body, &set) {
        Ok(None) => assert_eq!(wanted, Some(read.clone())),
        Ok(Some(added)) => assert_eq!(serde_json::from_slice(&added).ok(), wanted),
        Err(_) => {} // perhaps for a member that comes twice, which a value no longer shows
    }
    // Written by serde_json, no member comes twice: all that has the right shape is edited. (It rounds large numbers anew.)
    let written = read.to_string();
    let read: Value = serde_json::from_str(&written).expect("what was just written");
    match (added(written.as_bytes(), &set), expected(read.clone(), &set)) {
        (Ok(None), wanted) => assert_eq!(wanted, Some(read)),
        (Ok(Some(added)), wanted) => assert_eq!(serde_json::from_slice(&added).ok(), wanted),
        (Err(_), None) => {}
        (Err(error), Some(_)) => panic!("{error}: {written}"),
    }
});

fn added(body: &[u8], set: &LabelSet) -> Result<Option<Bytes>, Untouched> {
    let add = |body: &Bytes| push::add(body, JSON, None, set, LIMIT);
    let added = add(&Bytes::copy_from_slice(body))?;
    if let Some(added) = &added {
        assert_eq!(add(added).expect("still JSON"), None, "adding twice changes nothing");
        let replaced = body.windows(4).any(|window| window == b"null");
        assert!(replaced || is_subsequence(body, added), "no byte that was there may go");
    }
    Ok(added)
}

/// What the server must read; `None` where the body is not of the schema's shape.
fn expected(mut request: Value, set: &LabelSet) -> Option<Value> {
    let Some(series) = request.as_object_mut()?.get_mut("series").filter(|series| !series.is_null()) else {
        return Some(request);
    };
    for series in series.as_array_mut()? {
        let members = series.as_object_mut()?;
        let mut own = match members.get("labels") {
            None | Some(Value::Null) => Vec::new(),
            Some(labels) => labels.as_array()?.clone(),
        };
        let mut names = Vec::new();
        for pair in &own {
            names.push(match pair.as_object()?.get("name") {
                None | Some(Value::Null) => String::new(),
                Some(name) => name.as_str()?.to_owned(),
            });
        }
        let lacking = sets::lacking(set, &names);
        if !lacking.is_empty() {
            own.splice(..0, lacking.into_iter().map(|(name, value)| json!({"name": name, "value": value})));
            members.insert("labels".to_owned(), Value::Array(own));
        }
    }
    Some(request)
}
