//! OTLP/HTTP `/v1development/profiles`: the attributes of each resource become labels.
//!
//! `ExportProfilesServiceRequest { repeated ResourceProfiles resource_profiles = 1; ProfilesDictionary dictionary = 2 }`,
//! `ResourceProfiles { Resource resource = 1; … }`, `Resource { repeated KeyValue attributes = 1; … }`,
//! `KeyValue { string key = 1; AnyValue value = 2; int32 key_strindex = 3 }`, `AnyValue { oneof { string string_value = 1; … } }`,
//! as protobuf or as JSON. To each series the server adds `__name__`, `__delta__`, `__otel__` and `service_name`, the last for
//! whatever it was told as `service.name`. The attributes of scopes become labels too; nobody uses them yet, and they are not
//! counted here. In place of a key, `key_strindex` may point into the dictionary's `repeated string string_table = 5`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::body::{self, Edited, Format, Untouched};
use super::edit::Edit;
use super::json;
use super::protobuf::{self, Delimited, Field, Malformed, Value};
use super::set::{Label, LabelSet, Lacking};

/// How many labels the server adds to each series.
const ADDED_BY_SERVER: usize = 4;

const RESOURCE_PROFILES: u64 = 1;
const DICTIONARY: u64 = 2;
const STRING_TABLE: u64 = 5;
const RESOURCE: u8 = 1;
const ATTRIBUTES: u8 = 1;
const KEY: u8 = 1;
const VALUE: u8 = 2;
const KEY_STRINDEX: u64 = 3;
const STRING_VALUE: u8 = 1;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(
        borrow,
        default,
        rename = "resourceProfiles",
        alias = "resource_profiles",
        deserialize_with = "json::present"
    )]
    resource_profiles: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    dictionary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Dictionary<'a> {
    #[serde(
        borrow,
        default,
        rename = "stringTable",
        alias = "string_table",
        deserialize_with = "json::present"
    )]
    string_table: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResourceProfiles<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Attribute<'a> {
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    #[serde(
        borrow,
        default,
        rename = "keyStrindex",
        alias = "key_strindex",
        deserialize_with = "json::present"
    )]
    key_strindex: Option<&'a RawValue>,
}

/// The strings of the dictionary that name a label of the set, by their index, in order.
struct NamingStrings<'a>(Vec<(u32, Lacking<'a>)>);

/// The body with each label as an attribute of every resource that lacks it, in the encoding in which it came, and nothing
/// else changed. Profiles that name no resource are given one.
///
/// `limit`, in bytes, bounds the body before and after the edit, decompressed.
///
/// # Errors
/// Where the body can't be edited safely, and why.
pub fn add(
    body: &Bytes,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    labels: &LabelSet,
    limit: usize,
) -> Result<Edited<Bytes>, Untouched> {
    let format = Format::of(content_type)?;
    body::edit(body, content_encoding, limit, |edit| match format {
        Format::Protobuf => add_to_protobuf(edit, labels),
        Format::Json => add_to_json(edit, labels),
    })
}

fn add_to_protobuf(edit: &mut Edit<'_>, labels: &LabelSet) -> Result<(), Untouched> {
    let request = Delimited::body(edit.body());
    let mut strings = None;
    for profiles in request.all(RESOURCE_PROFILES) {
        let profiles = profiles?;
        let mut lacking = labels.lacking(ADDED_BY_SERVER);
        // A message field that comes twice is one message: its parts are merged.
        let mut first: Option<Delimited<'_>> = None;
        for resource in profiles.all(RESOURCE.into()) {
            let resource = resource?;
            first.get_or_insert(resource);
            for attribute in resource.all(ATTRIBUTES.into()) {
                let (key, index) = key(attribute?)?;
                lacking.has(key);
                if index != 0 {
                    let strings = match &mut strings {
                        Some(strings) => strings,
                        none => none.insert(NamingStrings::of_protobuf(request, labels)?),
                    };
                    strings.show(index, &mut lacking);
                }
            }
        }
        edit.leave_out(lacking.left_out());
        if !lacking.is_empty() {
            insert(edit, profiles, first, lacking)?;
        }
    }
    Ok(())
}

/// The key of an attribute and the index that may stand for it.
fn key(attribute: Delimited<'_>) -> Result<(&[u8], u32), Malformed> {
    let mut key = [].as_slice();
    let mut index = 0;
    for field in attribute.fields() {
        match field? {
            Field { number, value: Value::Delimited(value) } if number == u64::from(KEY) => key = value.bytes,
            // An int32 is the low half of what its varint holds.
            Field { number: KEY_STRINDEX, value: Value::Varint(value) } => {
                index = u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
            }
            _ => {}
        }
    }
    Ok((key, index))
}

/// Adds the attributes to the resource, or a resource with them to the profiles.
fn insert(
    edit: &mut Edit<'_>,
    profiles: Delimited<'_>,
    resource: Option<Delimited<'_>>,
    lacking: Lacking<'_>,
) -> Result<(), Untouched> {
    let added: usize = lacking.iter().map(|label| protobuf::delimited_length(attribute_length(label))).sum();
    let put_attributes = |out: &mut Vec<u8>| lacking.iter().for_each(|label| put_attribute(label, out));
    let before = profiles.bytes.len();
    let Some(resource) = resource else {
        return edit.replace(profiles.length(), |out| {
            protobuf::put_varint(before + protobuf::delimited_length(added), out);
            protobuf::put_delimited(RESOURCE, added, out);
            put_attributes(out);
        });
    };
    let length = resource.bytes.len() + added;
    edit.replace(profiles.length(), |out| {
        protobuf::put_varint(before - resource.length().len() + protobuf::varint_length(length) + added, out);
    })?;
    edit.replace(resource.length(), |out| {
        protobuf::put_varint(length, out);
        put_attributes(out);
    })
}

fn value_length(label: &Label) -> usize {
    protobuf::delimited_length(label.value.len())
}

fn attribute_length(label: &Label) -> usize {
    protobuf::delimited_length(label.name.len()) + protobuf::delimited_length(value_length(label))
}

fn put_attribute(label: &Label, out: &mut Vec<u8>) {
    protobuf::put_delimited(ATTRIBUTES, attribute_length(label), out);
    protobuf::put_delimited(KEY, label.name.len(), out);
    out.extend_from_slice(label.name.as_bytes());
    protobuf::put_delimited(VALUE, value_length(label), out);
    protobuf::put_delimited(STRING_VALUE, label.value.len(), out);
    out.extend_from_slice(label.value.as_bytes());
}

fn add_to_json(edit: &mut Edit<'_>, labels: &LabelSet) -> Result<(), Untouched> {
    let request: Request<'_> = json::object(serde_json::from_slice(edit.body())?)?;
    let mut strings = None;
    json::each(request.resource_profiles, |profiles| {
        let fields: ResourceProfiles<'_> = json::object(profiles)?;
        let resource = json::existing(fields.resource);
        let attributes =
            resource.map(json::object::<Resource<'_>>).transpose()?.and_then(|fields| fields.attributes);
        let mut lacking = labels.lacking(ADDED_BY_SERVER);
        json::each(attributes, |attribute| {
            let attribute: Attribute<'_> = json::object(attribute)?;
            lacking.has(attribute.key.unwrap_or_default().as_bytes());
            if let Some(index) = json::existing(attribute.key_strindex) {
                let strings = match &mut strings {
                    Some(strings) => strings,
                    none => none.insert(NamingStrings::of_json(request.dictionary, labels)?),
                };
                strings.show(json_index(index)?, &mut lacking);
            }
            Ok(())
        })?;
        edit.leave_out(lacking.left_out());
        match resource {
            Some(resource) => {
                json::add_items(edit, resource, "attributes", attributes, lacking, put_json_attribute)
            }
            None if lacking.is_empty() => Ok(()),
            None => json::put_member(edit, profiles, "resource", fields.resource, |out| {
                out.extend_from_slice(br#"{"attributes":["#);
                json::put_items(lacking, put_json_attribute, out);
                out.extend_from_slice(b"]}");
            }),
        }
    })
}

fn put_json_attribute(label: &Label, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"key":"#);
    json::put_string(&label.name, out);
    out.extend_from_slice(br#","value":{"stringValue":"#);
    json::put_string(&label.value, out);
    out.extend_from_slice(b"}}");
}

/// An index, which protobuf's JSON writes as a number and reads from a string too.
fn json_index(index: &RawValue) -> Result<u32, Untouched> {
    let digits = index.get().trim_matches('"');
    digits.parse().map_err(|_| serde_json::Error::custom("an index that is no whole number").into())
}

// === impl NamingStrings ===

impl<'a> NamingStrings<'a> {
    fn of_protobuf(request: Delimited<'_>, labels: &'a LabelSet) -> Result<Self, Untouched> {
        let mut strings = Self(Vec::new());
        let mut index = 0;
        for dictionary in request.all(DICTIONARY) {
            for string in dictionary?.all(STRING_TABLE) {
                strings.note(index, string?.bytes, labels);
                index += 1;
            }
        }
        Ok(strings)
    }

    fn of_json(dictionary: Option<&RawValue>, labels: &'a LabelSet) -> Result<Self, Untouched> {
        let mut strings = Self(Vec::new());
        let mut index = 0;
        let dictionary = json::existing(dictionary).map(json::object::<Dictionary<'_>>).transpose()?;
        json::each(dictionary.and_then(|fields| fields.string_table), |string| {
            strings.note(index, json::string(string)?.as_bytes(), labels);
            index += 1;
            Ok(())
        })?;
        Ok(strings)
    }

    fn note(&mut self, index: u32, string: &[u8], labels: &'a LabelSet) {
        let mut lacking = labels.lacking(ADDED_BY_SERVER);
        if lacking.has(string) {
            self.0.push((index, lacking));
        }
    }

    /// Tells `lacking` what the string of this index names.
    fn show(&self, index: u32, lacking: &mut Lacking<'_>) {
        let found =
            self.0.binary_search_by_key(&index, |(index, _)| *index).ok().and_then(|at| self.0.get(at));
        if let Some((_, named)) = found {
            lacking.has_all_of(*named);
        }
    }
}
