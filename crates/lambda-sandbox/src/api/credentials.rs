//! Where an environment from a snapshot gets its credentials: keys that were fetched before would be stale.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::json;

use super::answer::{json_answer, refused, text};
use crate::engine::Shared;
use crate::variables::CREDENTIALS_TOKEN;

/// `GET /2021-04-23/credentials`
pub(super) async fn credentials(State(_): State<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    if text(&headers, "Authorization") != CREDENTIALS_TOKEN {
        return refused(
            StatusCode::NOT_FOUND,
            "CredentialsNotFound",
            "credentials not found for the provided token",
        );
    }
    let body = json!({
        "AccessKeyId": "sandbox",
        "SecretAccessKey": "sandbox",
        "Token": "sandbox",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    json_answer(StatusCode::OK, &body)
}
