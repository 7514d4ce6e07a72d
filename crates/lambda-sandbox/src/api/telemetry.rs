//! The Telemetry API, version 2022-07-01.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use serde::Deserialize;

use super::answer::{forbidden, refused};
use super::extensions::{identifier, unknown};
use crate::engine::Shared;
use crate::event::Event;
use crate::telemetry::{Kind, Subscription};

/// The port that Lambda keeps for itself.
const RESERVED_PORT: u16 = 9001;

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "schemaVersion", default)]
    schema_version: String,
    types: Vec<String>,
    #[serde(default)]
    buffering: Buffering,
    destination: Destination,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Buffering {
    max_items: usize,
    max_bytes: usize,
    timeout_ms: u64,
}

#[derive(Deserialize)]
struct Destination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: String,
}

/// `PUT /telemetry`
pub(super) async fn subscribe(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(telemetry) = &shared.telemetry else {
        return refused(StatusCode::ACCEPTED, "Telemetry.NotSupported", "Telemetry API is not supported");
    };
    let id = match identifier(&headers) {
        Ok(id) => id,
        Err(answer) => return *answer,
    };
    let caller = shared.update(|environment| {
        let extension = environment.extension_mut(id)?;
        Some((extension.name.clone(), extension.first_next_at.is_some()))
    });
    let Some((name, ready)) = caller else {
        return unknown(id);
    };
    if ready {
        let message = "Telemetry API subscription is closed already";
        return forbidden("Telemetry.SubscriptionClosed", message);
    }
    let (subscription, types) = match parse(&body, shared.settings.is_managed()) {
        Ok(parsed) => parsed,
        Err(message) => return refused(StatusCode::BAD_REQUEST, "ValidationError", message),
    };
    telemetry.subscribe(subscription);
    shared.journal.emit(Event::TelemetrySubscribed { name, types });
    Response::new(Body::from("OK"))
}

/// The subscription and the names of what it is for, or what is wrong.
fn parse(body: &Bytes, managed: bool) -> Result<(Subscription, Vec<String>), String> {
    let request: Request = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let versions: &[&str] =
        if managed { &["2025-01-29"] } else { &["2022-07-01", "2022-12-13", "2025-01-29"] };
    if !versions.contains(&request.schema_version.as_str()) {
        return Err(format!(
            "schemaVersion {:?} is not one of {}",
            request.schema_version,
            versions.join(", ")
        ));
    }
    let kinds: Option<Vec<Kind>> = request.types.iter().map(|name| Kind::named(name)).collect();
    let kinds = kinds.filter(|kinds| !kinds.is_empty());
    let kinds =
        kinds.ok_or_else(|| format!("types {:?} are not of platform, function, extension", request.types))?;

    let Buffering { max_items, max_bytes, timeout_ms } = request.buffering;
    let limits_hold = (1000..=10_000).contains(&max_items)
        && (262_144..=1_048_576).contains(&max_bytes)
        && (25..=30_000).contains(&timeout_ms);
    if !limits_hold {
        return Err(
            "buffering: maxItems is 1000 to 10000, maxBytes 262144 to 1048576, timeoutMs 25 to 30000"
                .to_owned(),
        );
    }
    if request.destination.protocol != "HTTP" {
        return Err(format!("protocol {:?} is not served here, HTTP is", request.destination.protocol));
    }
    let (port, path) = listener(&request.destination.uri).ok_or_else(|| {
        format!("URI {:?} is not http://sandbox.localdomain:PORT/…", request.destination.uri)
    })?;
    if port == RESERVED_PORT {
        return Err(format!("port {RESERVED_PORT} is reserved"));
    }
    let timeout = Duration::from_millis(timeout_ms);
    Ok((Subscription { kinds, port, path, max_items, max_bytes, timeout }, request.types))
}

/// Lambda knows one host: the environment itself.
fn listener(uri: &str) -> Option<(u16, String)> {
    let rest = uri.strip_prefix("http://")?;
    let rest = rest.strip_prefix("sandbox.localdomain").or_else(|| rest.strip_prefix("sandbox"))?;
    let (port, path) = rest.strip_prefix(':')?.split_once('/').unwrap_or((rest.strip_prefix(':')?, ""));
    Some((port.parse().ok()?, format!("/{path}")))
}

// === impl Buffering ===

impl Default for Buffering {
    fn default() -> Self {
        Self { max_items: 10_000, max_bytes: 262_144, timeout_ms: 1000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_one_in_the_environment() {
        assert_eq!(listener("http://sandbox.localdomain:4243/x/y"), Some((4243, "/x/y".to_owned())));
        assert_eq!(listener("http://sandbox:4243"), Some((4243, "/".to_owned())));
        for wrong in [
            "https://sandbox:1/",
            "http://example.com:80/",
            "http://sandbox.localdomain/",
            "http://sandbox:x/",
        ] {
            assert_eq!(listener(wrong), None, "{wrong}");
        }
    }
}
