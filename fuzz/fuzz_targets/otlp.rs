//! OTLP profiles, as protobuf or as JSON: every resource gains the attributes that it lacks, and nothing else changes.
#![no_main]
#![allow(clippy::option_option, reason = "what is absent is not what can't be told")]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::labels::LabelSet;
use pyroscope_lambda_extension_fuzz::schema::otlp::{Request, attribute};
use pyroscope_lambda_extension_fuzz::schema::{JSON, LIMIT, PROTO};
use pyroscope_lambda_extension_fuzz::wire::{Field, fields, first_field};
use pyroscope_lambda_extension_fuzz::{choice, gains, sets};
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = choice(input) else { return };
    let set = sets::chosen(choice);
    if body.trim_ascii_start().starts_with(b"{") {
        let add = |body: &Bytes| gains::otlp_with(&set, body, JSON, LIMIT);
        gains::json(body, add, |request| expected_json(request, &set));
    } else {
        let (body, add) =
            (Bytes::copy_from_slice(body), |body: &Bytes| gains::otlp_with(&set, body, PROTO, LIMIT));
        let grown = |before: &[u8], after: &[u8]| only_attributes_were_added(before, after, &set);
        gains::protobuf(&body, add, |request| expected(request, &set), grown);
    }
});

fn expected(mut request: Request, set: &LabelSet) -> Request {
    let strings = request.dictionary.as_ref().map_or(&[][..], |dictionary| &dictionary.string_table);
    for profiles in &mut request.resource_profiles {
        let own = profiles.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let mut names = Vec::new();
        for attribute in own {
            names.push(attribute.key.as_str());
            let index = usize::try_from(attribute.key_strindex).ok().filter(|index| *index > 0);
            names.extend(index.and_then(|index| strings.get(index)).map(String::as_str));
        }
        let lacking = sets::lacking(set, &names, own.len() + sets::ADDED_BY_SERVER);
        if !lacking.is_empty() {
            let attributes = lacking.into_iter().map(|(name, value)| attribute(name, value));
            profiles.resource.get_or_insert_default().attributes.splice(..0, attributes);
        }
    }
    request
}

/// Of a resource's profiles, the resource alone may grow, and at its beginning alone, by attributes of the set.
fn only_attributes_were_added(before: &[u8], after: &[u8], set: &LabelSet) {
    if before == after {
        return;
    }
    let (before, after) = (fields(before).expect("fields"), fields(after).expect("fields"));
    let is_resource = |field: &Field<'_>| matches!(field, Field::Delimited(1, _));
    let added = match before.iter().position(is_resource) {
        None => {
            assert_eq!(after[1..], before);
            bytes_of(&after[0])
        }
        Some(at) => {
            assert_eq!((&after[..at], &after[at + 1..]), (&before[..at], &before[at + 1..]));
            bytes_of(&after[at]).strip_suffix(bytes_of(&before[at])).expect("what was there is there")
        }
    };
    let all: Vec<_> = set.iter().map(|(name, value)| first_field(&attribute(name, value))).collect();
    for attribute in fields(added).expect("attributes") {
        let Field::Delimited(1, attribute) = attribute else { panic!("no attribute") };
        assert!(all.iter().any(|added| added.ends_with(attribute)));
    }
}

fn bytes_of<'a>(field: &Field<'a>) -> &'a [u8] {
    match field {
        Field::Delimited(_, bytes) | Field::Other(bytes) => bytes,
    }
}

/// What the server must read; `None` where the body is not of the schema's shape, or it can't be told for sure.
fn expected_json(mut request: Value, set: &LabelSet) -> Option<Value> {
    let dictionary = request.get("dictionary").cloned();
    member(&request, &["resourceProfiles", "resource_profiles"])?;
    let profiles =
        ["resourceProfiles", "resource_profiles"].into_iter().find(|name| request.get(name).is_some());
    let Some(profiles) =
        profiles.and_then(|name| request.get_mut(name)).filter(|profiles| !profiles.is_null())
    else {
        return Some(request);
    };
    for profiles in profiles.as_array_mut()? {
        let own = match member(profiles, &["resource"])? {
            Some(resource) => {
                member(resource, &["attributes"])?.map_or(Some(Vec::new()), |own| own.as_array().cloned())?
            }
            None => Vec::new(),
        };
        let mut names = Vec::new();
        for attribute in &own {
            names.push(member(attribute, &["key"])?.map_or(Some(""), Value::as_str)?.to_owned());
            let index = member(attribute, &["keyStrindex", "key_strindex"])?;
            names.extend(index.map_or(Some(None), |index| string(index, dictionary.as_ref()))?);
        }
        let lacking = sets::lacking(set, &names, own.len() + sets::ADDED_BY_SERVER);
        if lacking.is_empty() {
            continue;
        }
        let lacking =
            lacking.into_iter().map(|(name, value)| json!({"key": name, "value": {"stringValue": value}}));
        let attributes = lacking.chain(own).collect();
        let resource = profiles.as_object_mut()?.entry("resource").or_insert(Value::Null);
        if resource.is_null() {
            *resource = json!({});
        }
        resource.as_object_mut()?.insert("attributes".to_owned(), Value::Array(attributes));
    }
    Some(request)
}

/// A member by any of its names, of which one may be there; `None` in it where it is absent or null.
fn member<'a>(object: &'a Value, names: &[&str]) -> Option<Option<&'a Value>> {
    let object = object.as_object()?;
    let found: Vec<_> = names.iter().filter_map(|name| object.get(*name)).collect();
    match found[..] {
        [] => Some(None),
        [found] => Some(Some(found).filter(|value| !value.is_null())),
        _ => None,
    }
}

/// The string of this index in the dictionary, which nobody looks at where there is no index.
fn string(index: &Value, dictionary: Option<&Value>) -> Option<Option<String>> {
    let strings = match dictionary.filter(|dictionary| !dictionary.is_null()) {
        Some(dictionary) => member(dictionary, &["stringTable", "string_table"])?,
        None => None,
    };
    let strings = strings.map_or(Some(&[][..]), |strings| strings.as_array().map(Vec::as_slice))?;
    let strings: Vec<&str> = strings.iter().map(Value::as_str).collect::<Option<_>>()?;
    let index = match index {
        Value::String(digits) => digits.clone(),
        number => number.to_string(),
    };
    let index: u32 = index.parse().ok()?;
    Some(strings.get(usize::try_from(index).ok()?).map(|string| (*string).to_owned()))
}
