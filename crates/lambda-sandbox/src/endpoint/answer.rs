//! What a client is told, in the forms of Lambda's Invoke.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use thiserror::Error;

use crate::engine::Answer as Posted;
use crate::error::{Fault, InitError, InvokeError};

/// Why an Invoke is not carried out, or could not be.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("Function not found: {asked} (this sandbox has the function {known})")]
    NoFunction { asked: String, known: String },
    #[error("Value '{value}' at '{name}' is not known to Lambda")]
    Parameter { name: &'static str, value: String },
    #[error(
        "Request must be smaller than {limit} bytes for the InvokeFunction operation, and this has {length}"
    )]
    TooLarge { length: usize, limit: usize },
    #[error("Could not parse request body into json: {0}")]
    Body(serde_json::Error),
    #[error("Client context must be a valid base64-encoded JSON object in ASCII")]
    ClientContext,
    #[error("{0}")]
    Invoke(#[from] InvokeError),
}

// === impl Refusal ===

impl Refusal {
    const fn status_and_type(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoFunction { .. } => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::Parameter { .. } => (StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
            Self::Body(_) | Self::ClientContext => {
                (StatusCode::BAD_REQUEST, "InvalidRequestContentException")
            }
            Self::Invoke(_) => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
        }
    }

    pub(super) fn into_answer(self) -> Response<Body> {
        // A function that does not start is, to the client, a function that fails.
        if let Self::Invoke(InvokeError::Init(error)) = &self {
            let body = json!({"errorType": init_type(error), "errorMessage": self.to_string()});
            return with(
                StatusCode::OK,
                Body::from(body.to_string()),
                &[("x-amz-function-error", "Unhandled")],
            );
        }
        let (status, error_type) = self.status_and_type();
        let whose = if status.is_server_error() { "Service" } else { "User" };
        let body = json!({"Type": whose, "Message": self.to_string()});
        with(status, Body::from(body.to_string()), &[("x-amzn-errortype", error_type)])
    }
}

/// 204: the request is in order.
pub(super) fn nothing_done(version: &str) -> Response<Body> {
    with(StatusCode::NO_CONTENT, Body::empty(), &[("x-amz-executed-version", version)])
}

/// 202: it will be carried out, and nobody will tell how it went.
pub(super) fn queued() -> Response<Body> {
    with(StatusCode::ACCEPTED, Body::empty(), &[])
}

/// The function's response or its error: 200 either way.
pub(super) fn posted(version: &str, posted: Posted) -> Response<Body> {
    let version = ("x-amz-executed-version", version);
    match posted {
        Posted::Response(body) => with(StatusCode::OK, Body::from(body), &[version]),
        Posted::Error(error) => {
            let unhandled = ("x-amz-function-error", "Unhandled");
            with(StatusCode::OK, Body::from(error.body), &[version, unhandled])
        }
    }
}

/// There is no response: the environment failed.
pub(super) fn failed(version: &str, id: &str, fault: &Fault) -> Response<Body> {
    let message = match fault {
        Fault::Timeout { limit, .. } => format!("Task timed out after {:.2} seconds", limit.as_secs_f64()),
        fault => fault.to_string(),
    };
    let body = json!({
        "errorType": fault.error_type(),
        "errorMessage": format!("RequestId: {id} Error: {message}"),
    });
    let headers = [("x-amz-executed-version", version), ("x-amz-function-error", "Unhandled")];
    with(StatusCode::OK, Body::from(body.to_string()), &headers)
}

/// Adds the log's end, in base64.
pub(super) fn with_log(mut answer: Response<Body>, log: Option<&str>) -> Response<Body> {
    if let Some(value) = log.and_then(|log| HeaderValue::from_str(log).ok()) {
        answer.headers_mut().insert("x-amz-log-result", value);
    }
    answer
}

/// Adds the invocation's id.
pub(super) fn with_id(mut answer: Response<Body>, id: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(id) {
        answer.headers_mut().insert("x-amzn-requestid", value);
    }
    answer
}

fn init_type(error: &InitError) -> &str {
    match error {
        InitError::Fault { fault, .. } => fault.error_type(),
        InitError::Timeout { .. } => "Sandbox.Timedout",
        _ => "Extension.LaunchError",
    }
}

fn with(status: StatusCode, body: Body, headers: &[(&'static str, &str)]) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(*name, value);
        }
    }
    answer
}
