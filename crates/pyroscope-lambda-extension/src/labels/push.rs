//! `push.v1.PusherService/Push`: labels stand in each series of a `PushRequest`.
//!
//! `PushRequest { repeated RawProfileSeries series = 1 }`, `RawProfileSeries { repeated LabelPair labels = 1; … }`,
//! `LabelPair { string name = 1; string value = 2 }`, as protobuf or as JSON.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{self, Edited, Format, Untouched};
use super::edit::Edit;
use super::json;
use super::protobuf::{self, Delimited};
use super::set::{Label, LabelSet};

/// The label that the server adds to a series that has none.
const SERVICE: &[u8] = b"service_name";

const SERIES: u64 = 1;
const LABELS: u8 = 1;
const NAME: u8 = 1;
const VALUE: u8 = 2;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    series: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    labels: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

/// The body with each label added to every series that lacks it, in the encoding in which it came, and nothing else changed.
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
    for series in Delimited::body(edit.body()).all(SERIES) {
        let series = series?;
        let mut lacking = labels.lacking(0);
        let mut has_service = false;
        for pair in series.all(LABELS.into()) {
            let name = pair?.last(NAME.into())?;
            lacking.has(name);
            has_service |= name == SERVICE;
        }
        lacking.keep_free(usize::from(!has_service));
        edit.leave_out(lacking.left_out());
        if lacking.is_empty() {
            continue;
        }
        let added: usize = lacking.iter().map(|label| protobuf::delimited_length(pair_length(label))).sum();
        edit.replace(series.length(), |out| {
            protobuf::put_varint(series.bytes.len() + added, out);
            lacking.iter().for_each(|label| put_pair(label, out));
        })?;
    }
    Ok(())
}

fn pair_length(label: &Label) -> usize {
    protobuf::delimited_length(label.name.len()) + protobuf::delimited_length(label.value.len())
}

fn put_pair(label: &Label, out: &mut Vec<u8>) {
    protobuf::put_delimited(LABELS, pair_length(label), out);
    protobuf::put_delimited(NAME, label.name.len(), out);
    out.extend_from_slice(label.name.as_bytes());
    protobuf::put_delimited(VALUE, label.value.len(), out);
    out.extend_from_slice(label.value.as_bytes());
}

fn add_to_json(edit: &mut Edit<'_>, labels: &LabelSet) -> Result<(), Untouched> {
    let request: Request<'_> = json::object(serde_json::from_slice(edit.body())?)?;
    json::each(request.series, |series| {
        let fields: Series<'_> = json::object(series)?;
        let mut lacking = labels.lacking(0);
        let mut has_service = false;
        json::each(fields.labels, |pair| {
            let pair: Pair<'_> = json::object(pair)?;
            let name = pair.name.unwrap_or_default();
            lacking.has(name.as_bytes());
            has_service |= name.as_bytes() == SERVICE;
            Ok(())
        })?;
        lacking.keep_free(usize::from(!has_service));
        edit.leave_out(lacking.left_out());
        json::add_items(edit, series, "labels", fields.labels, lacking, |label, out| {
            out.extend_from_slice(br#"{"name":"#);
            json::put_string(&label.name, out);
            out.extend_from_slice(br#","value":"#);
            json::put_string(&label.value, out);
            out.push(b'}');
        })
    })
}
