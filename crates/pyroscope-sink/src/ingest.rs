//! `/ingest`: one series, described by the query.

use std::{collections::BTreeMap, time::SystemTime};

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};

use crate::{
    behaviour::Incoming,
    check::{Limits, is_kept},
    folded::{self, FoldedError},
    inflate::{InflateError, inflate_if_gzip},
    name,
    pprof::{self, PprofError},
    query::Query,
    refusal::Refusal,
    series::{Format, Profile, SERVICE_NAME, Series},
};

/// The server adds `__name__`, `__delta__`, `pyroscope_spy`, and `service_name` or `app_name`.
const ADDED_LABELS: usize = 4;

/// Checks and decodes a request. Content-Encoding means nothing here: a body is gzip if it looks so.
pub(crate) async fn accept(
    request: &Incoming,
    limits: &Limits,
    now: SystemTime,
) -> Result<Vec<Series>, Refusal> {
    let query = Query::parse(request.query.as_deref().unwrap_or_default());
    let labels = name::parse(query.get("name").unwrap_or_default())?;
    let profile = profile(request, &query, limits).await?;
    let kept =
        labels.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.as_str(), value.as_str()));
    limits.check_labels(kept, ADDED_LABELS)?;
    limits.check_age(&profile, query.get("from").map_or(0, epoch_nanos), now)?;
    let app = app(&labels);
    Ok(vec![Series { app, labels, profiles: vec![profile] }])
}

fn app(labels: &BTreeMap<String, String>) -> String {
    let service = labels.get(SERVICE_NAME).filter(|service| !service.is_empty());
    service.or_else(|| labels.get(name::METRIC_NAME)).cloned().unwrap_or_default()
}

async fn profile(request: &Incoming, query: &Query, limits: &Limits) -> Result<Profile, Refusal> {
    let content_type = request.header("content-type");
    let multipart = content_type.contains("multipart/form-data");
    let most = limits.profile_bytes;
    match query.get("format") {
        Some("jfr") if multipart => {
            let parts = parts(content_type, &request.body).await?;
            let jfr = parts.get("jfr").ok_or(Refusal::NoPart("jfr"))?;
            // A recording may be larger than the profiles made of it.
            Ok(Profile::opaque(Format::Jfr, inflate_if_gzip(jfr, limits.body_bytes)?.len()))
        }
        Some("jfr") => {
            Ok(Profile::opaque(Format::Jfr, inflate_if_gzip(&request.body, limits.body_bytes)?.len()))
        }
        // With this format the body is the profile, whatever its content type says.
        Some("pprof") => pprof(&request.body, most),
        _ if multipart => {
            let parts = parts(content_type, &request.body).await?;
            let mut profile = pprof(parts.get("profile").ok_or(Refusal::NoPart("profile"))?, most)?;
            profile.sample_type_config = match parts.get("sample_type_config") {
                Some(config) => Some(
                    serde_json::from_slice(config)
                        .map_err(|error| Refusal::SampleTypeConfig(error.to_string()))?,
                ),
                None => None,
            };
            Ok(profile)
        }
        // As on the server, whatever is named no other format is taken for folded stacks.
        _ => folded::decode(&request.body, most).map_err(|error| match error {
            FoldedError::Inflate(InflateError::TooLarge { limit }) => Refusal::ProfileTooLarge { limit },
            other => other.into(),
        }),
    }
}

/// Decodes a pprof profile; one that is too large is told from one that is broken.
pub(crate) fn pprof(bytes: &[u8], limit: usize) -> Result<Profile, Refusal> {
    pprof::decode(bytes, limit).map_err(|error| match error {
        PprofError::Inflate(InflateError::TooLarge { limit }) => Refusal::ProfileTooLarge { limit },
        other => other.into(),
    })
}

async fn parts(content_type: &str, body: &Bytes) -> Result<BTreeMap<String, Bytes>, Refusal> {
    let broken = |error: multer::Error| Refusal::Multipart(error.to_string());
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    let mut multipart = multer::Multipart::new(BodyDataStream::new(Full::new(body.clone())), boundary);
    let mut parts = BTreeMap::new();
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        parts.insert(name, field.bytes().await.map_err(broken)?);
    }
    Ok(parts)
}

/// A time parameter in nanoseconds since the epoch: SDKs send seconds, Go's sends nanoseconds. 0 is "now" to the caller.
fn epoch_nanos(text: &str) -> i64 {
    let Ok(number) = text.parse::<i64>() else { return 0 };
    // The magnitude tells the unit: 10^11 seconds are the year 5138.
    let to_nanos = match number {
        ..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        100_000_000_000_000_000.. => 1,
    };
    number.saturating_mul(to_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_whatever_unit_it_was_sent() {
        let nanos = 1_795_338_265_000_000_000;
        for text in ["1795338265", "1795338265000", "1795338265000000", "1795338265000000000"] {
            assert_eq!(epoch_nanos(text), nanos, "{text}");
        }
        assert_eq!(epoch_nanos("now-1h"), 0);
    }
}
