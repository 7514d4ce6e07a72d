//! OTLP profiles: the session id as an attribute of every resource.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use bytes::Bytes;
use labels_support::otlp::{AnyValue, Dictionary, KeyValue, Request, Resource, ResourceProfiles, attribute};
use labels_support::{GZIP, ID, JSON, LIMIT, PROTO, add_to_otlp, gunzip, gzip, session};
use proptest::prelude::*;
use prost::Message;
use pyroscope_lambda_extension::labels::{LabelSet, Untouched};
use pyroscope_lambda_extension::session::LABEL;

fn add(body: &[u8]) -> Option<Bytes> {
    add_to_otlp(&Bytes::copy_from_slice(body), PROTO, None, &session(), LIMIT).unwrap()
}

fn add_json(body: &str) -> Result<Option<String>, Untouched> {
    let added = add_to_otlp(&Bytes::copy_from_slice(body.as_bytes()), JSON, None, &session(), LIMIT)?;
    Ok(added.map(|added| String::from_utf8(added.to_vec()).unwrap()))
}

fn request(attributes: Vec<KeyValue>, strings: &[&str]) -> Vec<u8> {
    let resource = Some(Resource { attributes, dropped_attributes_count: 3 });
    let profiles =
        ResourceProfiles { resource, scope_profiles: vec![1, 2, 3], schema_url: "https://x".to_owned() };
    let dictionary = Dictionary { string_table: strings.iter().map(|text| (*text).to_owned()).collect() };
    Request { resource_profiles: vec![profiles], dictionary: Some(dictionary) }.encode_to_vec()
}

fn indexed(key_strindex: i32) -> KeyValue {
    KeyValue { key: String::new(), value: attribute("", "x").value, key_strindex }
}

/// What the edit is to make of a request.
fn expected(mut request: Request, labels: &LabelSet) -> Request {
    let strings = request.dictionary.as_ref().map_or(&[][..], |dictionary| &dictionary.string_table);
    for profiles in &mut request.resource_profiles {
        let own = profiles.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
        let has = |name: &str| {
            own.iter().any(|attribute| {
                let index = usize::try_from(attribute.key_strindex).unwrap_or(usize::MAX);
                attribute.key == name
                    || (index > 0 && strings.get(index).is_some_and(|string| string == name))
            })
        };
        let mut attributes: Vec<_> = labels
            .iter()
            .filter(|(name, _)| !has(name))
            .map(|(name, value)| attribute(name, value))
            .collect();
        if !attributes.is_empty() {
            let resource = profiles.resource.get_or_insert_default();
            attributes.append(&mut resource.attributes);
            resource.attributes = attributes;
        }
    }
    request
}

#[test]
fn a_resource_that_lacks_the_id_gains_it() {
    for attributes in [
        vec![],
        vec![attribute("service.name", "orders")],
        vec![indexed(1)],
        vec![indexed(-1)],
        vec![indexed(99)],
    ] {
        let body = request(attributes, &["", "service.name", "a"]);
        let added = add(&body).unwrap();
        assert_eq!(
            Request::decode(added).unwrap(),
            expected(Request::decode(body.as_slice()).unwrap(), &session())
        );
    }
}

#[test]
fn a_resource_that_has_an_id_keeps_it_however_it_is_spelled() {
    assert_eq!(add(&request(vec![attribute(LABEL, "mine")], &[])), None);
    let number = AnyValue { string_value: None, int_value: Some(7) };
    assert_eq!(add(&request(vec![KeyValue { value: Some(number), ..attribute(LABEL, "") }], &[])), None);
    assert_eq!(add(&request(vec![attribute("a", "b"), indexed(2)], &["", "a", LABEL])), None);
}

#[test]
fn profiles_without_a_resource_are_given_one() {
    let body =
        Request { resource_profiles: vec![ResourceProfiles::default()], dictionary: None }.encode_to_vec();
    let added = Request::decode(add(&body).unwrap()).unwrap();
    assert_eq!(added.resource_profiles[0].resource.as_ref().unwrap().attributes, [attribute(LABEL, ID)]);
}

#[test]
fn a_resource_in_two_parts_is_one_resource() {
    let part = |attributes: Vec<KeyValue>| {
        let resource = Some(Resource { attributes, dropped_attributes_count: 0 });
        ResourceProfiles { resource, ..Default::default() }.encode_to_vec()
    };
    let whole = |parts: [Vec<u8>; 2]| {
        let profiles = parts.concat();
        [&[0x0a, u8::try_from(profiles.len()).unwrap()], profiles.as_slice()].concat()
    };
    assert_eq!(add(&whole([part(vec![attribute("a", "b")]), part(vec![attribute(LABEL, "mine")])])), None);
    let body = whole([part(vec![attribute("a", "b")]), part(vec![attribute("c", "d")])]);
    let added = Request::decode(add(&body).unwrap()).unwrap();
    assert_eq!(added, expected(Request::decode(body.as_slice()).unwrap(), &session()));
}

#[test]
fn a_dictionary_in_two_parts_counts_on() {
    let part = |strings: &[&str]| {
        let string_table = strings.iter().map(|text| (*text).to_owned()).collect();
        Request { resource_profiles: vec![], dictionary: Some(Dictionary { string_table }) }.encode_to_vec()
    };
    let body = |index| [part(&["", "a"]), request(vec![indexed(index)], &["b", LABEL])].concat();
    assert_eq!(add(&body(3)), None);
    assert!(add(&body(1)).is_some());
}

#[test]
fn gzip_in_is_gzip_out() {
    let body = request(vec![attribute("a", "b")], &[]);
    let added =
        add_to_otlp(&gzip(&body), Some("application/x-protobuf"), GZIP, &session(), LIMIT).unwrap().unwrap();
    assert_eq!(gunzip(&added), add(&body).unwrap());
}

#[test]
fn a_label_that_the_server_would_take_for_an_attribute_yields_to_it() {
    let labels = LabelSet::default().with("service_version", "mine").unwrap();
    let body = request(vec![attribute("service.version", "7")], &[]).into();
    assert_eq!(add_to_otlp(&body, PROTO, None, &labels, LIMIT).unwrap(), None);
}

#[test]
fn only_the_attribute_is_added_to_json() {
    let table = [
        (
            r#"{"resourceProfiles":[{"resource":{"attributes":[]}}]}"#,
            r#"{"resourceProfiles":[{"resource":{"attributes":[@]}}]}"#,
        ),
        (
            r#"{"resourceProfiles":[{"resource":{"x":1.0}}]}"#,
            r#"{"resourceProfiles":[{"resource":{"attributes":[@],"x":1.0}}]}"#,
        ),
        (
            r#"{"resource_profiles":[{"resource":{"attributes":null}},{"resource":{}}]}"#,
            r#"{"resource_profiles":[{"resource":{"attributes":[@]}},{"resource":{"attributes":[@]}}]}"#,
        ),
        (
            r#"{"resourceProfiles":[{"resource":null}]}"#,
            r#"{"resourceProfiles":[{"resource":{"attributes":[@]}}]}"#,
        ),
        (
            r#"{"resourceProfiles":[{"scopeProfiles":[{}]}, {}]}"#,
            r#"{"resourceProfiles":[{"resource":{"attributes":[@]},"scopeProfiles":[{}]}, {"resource":{"attributes":[@]}}]}"#,
        ),
        (
            r#"{"resourceProfiles":[{"resource":{"attributes":[{"keyStrindex":1},{"key":"a"}]}}],"dictionary":{"stringTable":["","x"]}}"#,
            r#"{"resourceProfiles":[{"resource":{"attributes":[@,{"keyStrindex":1},{"key":"a"}]}}],"dictionary":{"stringTable":["","x"]}}"#,
        ),
    ];
    for (body, expected) in table {
        let added = add_json(body).unwrap().unwrap_or_else(|| panic!("{body}"));
        assert_eq!(
            added,
            expected.replace('@', r#"{"key":"__session_id__","value":{"stringValue":"0123456789abcdef"}}"#)
        );
        assert_eq!(add_json(&added).unwrap(), None);
    }
}

#[test]
fn a_json_resource_that_has_an_id_keeps_it_however_it_is_spelled() {
    for body in [
        r#"{"resourceProfiles":[{"resource":{"attributes":[{"key":"__session_id__","value":{"intValue":"1"}}]}}]}"#,
        r#"{"resourceProfiles":[{"resource":{"attributes":[{"keyStrindex":1}]}}],"dictionary":{"stringTable":["","\u005f_session_id__"]}}"#,
        r#"{"dictionary":{"string_table":["","__session_id__"]},"resource_profiles":[{"resource":{"attributes":[{"key_strindex":"1"}]}}]}"#,
        r#"{"resourceProfiles":null}"#,
        "{}",
    ] {
        assert_eq!(add_json(body).unwrap(), None, "{body}");
    }
}

#[test]
fn json_that_cannot_be_read_for_sure_is_refused() {
    for body in [
        "[]",
        r#"{"resourceProfiles":{}}"#,
        r#"{"resourceProfiles":[],"resource_profiles":[]}"#,
        r#"{"resourceProfiles":[{"resource":[]}]}"#,
        r#"{"resourceProfiles":[{"resource":{"attributes":[{"keyStrindex":1.5}]}}]}"#,
        r#"{"resourceProfiles":[{"resource":{"attributes":[{"keyStrindex":1}]}}],"dictionary":{"stringTable":[1]}}"#,
    ] {
        assert!(matches!(add_json(body), Err(Untouched::Json(_))), "{body}");
    }
}

fn any_attribute() -> impl Strategy<Value = KeyValue> {
    let named = ("__session_id__|[a-z]{0,4}", ".{0,8}").prop_map(|(key, value)| attribute(&key, &value));
    prop_oneof![named, (-1..5).prop_map(indexed)]
}

prop_compose! {
    fn any_profiles()(
        attributes in prop::option::of(prop::collection::vec(any_attribute(), 0..4)),
        dropped_attributes_count in any::<u32>(),
        scope_profiles in prop::collection::vec(any::<u8>(), 0..200),
        schema_url in ".{0,8}",
    ) -> ResourceProfiles {
        let resource = attributes.map(|attributes| Resource { attributes, dropped_attributes_count });
        ResourceProfiles { resource, scope_profiles, schema_url }
    }
}

proptest! {
    #[test]
    fn any_request_gains_what_it_lacks_and_nothing_else(
        resource_profiles in prop::collection::vec(any_profiles(), 0..4),
        strings in prop::option::of(prop::collection::vec("__session_id__|[a-z]{0,3}", 0..5)),
    ) {
        let labels = session().with("abc", "d").unwrap();
        let request = Request { resource_profiles, dictionary: strings.map(|string_table| Dictionary { string_table }) };
        let added = add_to_otlp(&request.encode_to_vec().into(), PROTO, None, &labels, LIMIT).unwrap();
        let expected = expected(request.clone(), &labels);
        prop_assert_eq!(added.is_none(), expected == request);
        if let Some(added) = added {
            prop_assert_eq!(add_to_otlp(&added, PROTO, None, &labels, LIMIT).unwrap(), None);
            prop_assert_eq!(added.len(), expected.encoded_len());
            prop_assert_eq!(Request::decode(added).unwrap(), expected);
        }
    }

    #[test]
    fn any_bytes_come_out_as_a_message_or_not_at_all(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x0a), Just(0x02), Just(0x18), Just(0x00)], 0..64),
    ) {
        let body = Bytes::from(bytes);
        if let Ok(Some(added)) = add_to_otlp(&body, PROTO, None, &session(), LIMIT) {
            prop_assert_eq!(add_to_otlp(&added, PROTO, None, &session(), LIMIT).unwrap(), None);
            if let Ok(request) = Request::decode(body) {
                prop_assert_eq!(Request::decode(added).unwrap(), expected(request, &session()));
            }
        }
    }
}
