//! `push.v1.PusherService/Push`: many series in one message, a unary call of the Connect protocol.

use std::{collections::BTreeMap, time::SystemTime};

use base64::{
    Engine, alphabet, engine::DecodePaddingMode, engine::GeneralPurpose, engine::GeneralPurposeConfig,
};
use prost::Message;

use crate::{
    behaviour::Incoming,
    check::{LabelError, Limits},
    inflate::{InflateError, inflate},
    ingest::pprof,
    name::METRIC_NAME,
    refusal::Refusal,
    series::{SERVICE_NAME, Series, UNSPECIFIED},
};

/// `push.v1.PushRequest`.
#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<RawProfileSeries>,
}

#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
struct RawProfileSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<RawSample>,
}

#[derive(Clone, PartialEq, Eq, Message, serde::Deserialize)]
#[serde(default)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Eq, Message, serde::Deserialize)]
#[serde(default)]
struct RawSample {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(rename = "rawProfile", alias = "raw_profile", deserialize_with = "base64_bytes")]
    raw_profile: Vec<u8>,
}

/// Checks and decodes a request.
pub(crate) fn accept(request: &Incoming, limits: &Limits, now: SystemTime) -> Result<Vec<Series>, Refusal> {
    let message = decode(request, limits)?;
    if message.series.iter().all(|series| series.samples.is_empty()) {
        return Err(Refusal::NoProfiles);
    }
    message.series.into_iter().map(|series| checked(series, limits, now)).collect()
}

/// The body of a request without its Content-Encoding.
pub(crate) fn decoded_body(request: &Incoming, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    match request.header("content-encoding") {
        "" | "identity" => Ok(request.body.to_vec()),
        "gzip" => inflate(&request.body, limits.body_bytes).map_err(|error| match error {
            InflateError::TooLarge { limit } => Refusal::BodyTooLarge { limit },
            broken @ InflateError::Broken(_) => broken.into(),
        }),
        other => Err(Refusal::Encoding(other.to_owned())),
    }
}

fn decode(request: &Incoming, limits: &Limits) -> Result<PushRequest, Refusal> {
    let content_type = request.header("content-type");
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let json = match media_type {
        "application/json" => true,
        "application/proto" => false,
        _ => return Err(Refusal::MediaType(content_type.to_owned())),
    };
    let body = decoded_body(request, limits)?;
    if json {
        serde_json::from_slice(&body).map_err(|error| Refusal::Message(error.to_string()))
    } else {
        PushRequest::decode(body.as_slice()).map_err(|error| Refusal::Message(error.to_string()))
    }
}

fn checked(series: RawProfileSeries, limits: &Limits, now: SystemTime) -> Result<Series, Refusal> {
    let pairs = || series.labels.iter().map(|pair| (pair.name.as_str(), pair.value.as_str()));
    if series.labels.is_empty() {
        return Err(LabelError::Missing.into());
    }
    if !pairs().any(|(name, value)| name == METRIC_NAME && is_metric_name(value)) {
        return Err(LabelError::NoMetricName.into());
    }
    let has_service = pairs().any(|(name, value)| name == SERVICE_NAME && !value.is_empty());
    limits.check_labels(pairs(), usize::from(!has_service))?;
    let profiles = series
        .samples
        .iter()
        .map(|sample| {
            let profile = pprof(&sample.raw_profile, limits.profile_bytes)?;
            limits.check_age(&profile, 0, now)?;
            Ok(profile)
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let labels: BTreeMap<_, _> = series.labels.into_iter().map(|pair| (pair.name, pair.value)).collect();
    let service = labels.get(SERVICE_NAME).filter(|service| !service.is_empty()).cloned();
    Ok(Series { app: service.unwrap_or_else(|| UNSPECIFIED.to_owned()), labels, profiles })
}

fn is_metric_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b':');
    name.bytes().next().is_some_and(|c| !c.is_ascii_digit()) && name.bytes().all(allowed)
}

/// Bytes in JSON are base64: standard or for URLs, with padding or without.
fn base64_bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    const ANY_PADDING: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    let standard = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING).decode(standard).map_err(serde::de::Error::custom)
}
