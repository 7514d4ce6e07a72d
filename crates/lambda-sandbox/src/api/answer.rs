//! Answers in the forms of AWS's runtime interface emulator (RAPID).

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Value, json};

/// RAPID's word for a call that does not fit the caller's state.
pub(super) const NOT_ALLOWED: &str = "State transition is not allowed";

/// A JSON answer.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// 202, as every post that is taken is answered.
pub(super) fn accepted() -> Response<Body> {
    json_answer(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// An error with its type.
pub(super) fn refused(status: StatusCode, error_type: &str, message: impl AsRef<str>) -> Response<Body> {
    json_answer(status, &json!({"errorMessage": message.as_ref(), "errorType": error_type}))
}

/// 403, which RAPID gives to every error of the client.
pub(super) fn forbidden(error_type: &str, message: impl AsRef<str>) -> Response<Body> {
    refused(StatusCode::FORBIDDEN, error_type, message)
}

/// A header's value as text; empty where there is none.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
