//! `/v1development/profiles`: OpenTelemetry's profiles.
//!
//! The schema is still in development; these messages follow `opentelemetry-proto` 1.9. A message of another version
//! decodes as far as it agrees.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use prost::Message;

use crate::{
    behaviour::Incoming,
    check::Limits,
    pprof::demangled,
    push::decoded_body,
    refusal::Refusal,
    series::{Format, Profile, SERVICE_NAME, Sample, SampleType, Series, UNSPECIFIED},
};

/// The server adds `__name__`, `__delta__`, `__otel__` and `service_name`.
const ADDED_LABELS: usize = 4;

/// The most frames that are decoded from one request.
const MOST_FRAMES: usize = 4_000_000;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_profiles: Vec<ResourceProfiles>,
    #[prost(message, optional, tag = "2")]
    dictionary: Option<Dictionary>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceProfiles {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_profiles: Vec<ScopeProfiles>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
}

#[derive(Clone, PartialEq, Message)]
struct ScopeProfiles {
    #[prost(message, repeated, tag = "2")]
    profiles: Vec<OtlpProfile>,
}

#[derive(Clone, PartialEq, Message)]
struct OtlpProfile {
    #[prost(message, optional, tag = "1")]
    sample_type: Option<ValueType>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<OtlpSample>,
    #[prost(fixed64, tag = "3")]
    time_unix_nano: u64,
    #[prost(uint64, tag = "4")]
    duration_nano: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct ValueType {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct OtlpSample {
    #[prost(int32, tag = "1")]
    stack_index: i32,
    #[prost(int64, repeated, tag = "4")]
    values: Vec<i64>,
    #[prost(fixed64, repeated, tag = "5")]
    timestamps_unix_nano: Vec<u64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Dictionary {
    #[prost(message, repeated, tag = "2")]
    locations: Vec<Location>,
    #[prost(message, repeated, tag = "3")]
    functions: Vec<Function>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    strings: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "7")]
    stacks: Vec<Stack>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Stack {
    /// The leaf first.
    #[prost(int32, repeated, tag = "1")]
    locations: Vec<i32>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Location {
    #[prost(message, repeated, tag = "3")]
    lines: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Line {
    #[prost(int32, tag = "1")]
    function: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Function {
    #[prost(int32, tag = "1")]
    name: i32,
}

/// Checks and decodes a request; one in JSON is taken and kept raw.
pub(crate) fn accept(request: &Incoming, limits: &Limits, now: SystemTime) -> Result<Vec<Series>, Refusal> {
    let content_type = request.header("content-type");
    let body = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => decoded_body(request, limits)?,
        "application/json" => return decoded_body(request, limits).map(|_| Vec::new()),
        _ => return Err(Refusal::MediaType(content_type.to_owned())),
    };
    let message = Request::decode(body.as_slice()).map_err(|error| Refusal::Message(error.to_string()))?;
    let dictionary = message.dictionary.unwrap_or_default();
    let mut left = MOST_FRAMES;
    message
        .resource_profiles
        .iter()
        .map(|resource| {
            let series = resource.series(&dictionary, &mut left)?;
            limits.check_labels(series.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())), ADDED_LABELS)?;
            for profile in &series.profiles {
                if profile.uncompressed_bytes > limits.profile_bytes {
                    return Err(Refusal::ProfileTooLarge { limit: limits.profile_bytes });
                }
                limits.check_age(profile, 0, now)?;
            }
            Ok(series)
        })
        .collect()
}

// === impl ResourceProfiles ===

impl ResourceProfiles {
    fn series(&self, dictionary: &Dictionary, left: &mut usize) -> Result<Series, Refusal> {
        let attributes = self.resource.iter().flat_map(|resource| &resource.attributes);
        let labels: BTreeMap<_, _> = attributes.map(|pair| (pair.key.clone(), pair.text())).collect();
        let service = labels.get("service.name").or_else(|| labels.get(SERVICE_NAME));
        let profiles = self.scope_profiles.iter().flat_map(|scope| &scope.profiles);
        Ok(Series {
            app: service.cloned().unwrap_or_else(|| UNSPECIFIED.to_owned()),
            profiles: profiles.map(|profile| profile.decoded(dictionary, left)).collect::<Result<_, _>>()?,
            labels,
        })
    }
}

// === impl KeyValue ===

impl KeyValue {
    fn text(&self) -> String {
        match self.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Double(number)) => number.to_string(),
            None => String::new(),
        }
    }
}

// === impl OtlpProfile ===

impl OtlpProfile {
    fn decoded(&self, dictionary: &Dictionary, left: &mut usize) -> Result<Profile, Refusal> {
        let sample_type = self.sample_type.unwrap_or_default();
        let mut samples = Vec::new();
        for sample in &self.samples {
            samples.push(Sample {
                stack: dictionary.stack(sample.stack_index, left)?,
                values: vec![sample.total()],
            });
        }
        Ok(Profile {
            sample_types: vec![SampleType::new(
                dictionary.string(sample_type.kind),
                dictionary.string(sample_type.unit),
            )],
            samples,
            time_nanos: i64::try_from(self.time_unix_nano).unwrap_or(i64::MAX),
            duration_nanos: i64::try_from(self.duration_nano).unwrap_or(i64::MAX),
            ..Profile::opaque(Format::Otlp, self.encoded_len())
        })
    }
}

// === impl OtlpSample ===

impl OtlpSample {
    /// The sum of its values; a sample that has only timestamps counts each of them.
    fn total(&self) -> i64 {
        if self.values.is_empty() {
            i64::try_from(self.timestamps_unix_nano.len()).unwrap_or(i64::MAX)
        } else {
            self.values.iter().fold(0, |sum: i64, value| sum.saturating_add(*value))
        }
    }
}

// === impl Dictionary ===

impl Dictionary {
    fn string(&self, index: i32) -> String {
        let entry = at(&self.strings, index);
        entry.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    fn stack(&self, index: i32, left: &mut usize) -> Result<Vec<Arc<str>>, Refusal> {
        let mut frames = Vec::new();
        for location in at(&self.stacks, index).iter().flat_map(|stack| stack.locations.iter().rev()) {
            let lines =
                at(&self.locations, *location).map_or(&[] as &[_], |location| location.lines.as_slice());
            *left = left.checked_sub(lines.len()).ok_or_else(|| {
                Refusal::Message(format!("more than {MOST_FRAMES} frames; send fewer samples"))
            })?;
            frames.extend(lines.iter().rev().map(|line| self.function(line.function)));
        }
        Ok(frames)
    }

    fn function(&self, index: i32) -> Arc<str> {
        let name = at(&self.functions, index).map(|function| self.string(function.name)).unwrap_or_default();
        if name.is_empty() { "[unknown]".into() } else { demangled(&name) }
    }
}

fn at<T>(table: &[T], index: i32) -> Option<&T> {
    table.get(usize::try_from(index).ok()?)
}
