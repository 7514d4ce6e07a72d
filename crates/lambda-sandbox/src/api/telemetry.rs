//! The Telemetry API, version 2022-07-01: answered as an emulator does that has none.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::answer::refused;

/// `PUT /telemetry`
pub(super) async fn subscribe() -> Response<Body> {
    refused(StatusCode::ACCEPTED, "Telemetry.NotSupported", "Telemetry API is not supported")
}
