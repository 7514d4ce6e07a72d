//! The paths of the server and how each of them words a refusal.

use std::time::SystemTime;

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    behaviour::{Answer, Incoming},
    check::Limits,
    ingest, otlp, push,
    refusal::Refusal,
    series::Series,
};
/// One of the ways to write profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/ingest` and `/pyroscope/ingest`.
    Ingest,
    /// `/push.v1.PusherService/Push`, a unary call of the Connect protocol.
    Push,
    /// `/v1development/profiles`, OpenTelemetry's profiles over HTTP.
    Otlp,
}

// === impl Endpoint ===

impl Endpoint {
    /// The endpoint at a path, if there is one.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/ingest" | "/pyroscope/ingest" => Some(Self::Ingest),
            "/push.v1.PusherService/Push" => Some(Self::Push),
            "/v1development/profiles" => Some(Self::Otlp),
            _ => None,
        }
    }

    /// Checks and decodes a request as the server does.
    pub(crate) async fn accept(
        self,
        request: &Incoming,
        limits: &Limits,
        now: SystemTime,
    ) -> Result<Vec<Series>, Refusal> {
        if request.method != Method::POST {
            return Err(Refusal::Method(request.method.to_string()));
        }
        match self {
            Self::Ingest => ingest::accept(request, limits, now).await,
            Self::Push => push::accept(request, limits, now),
            Self::Otlp => otlp::accept(request, limits, now),
        }
    }

    /// The answer to a request that was taken.
    pub(crate) fn taken(self, request: &Incoming) -> Answer {
        let json = request.header("content-type").starts_with("application/json");
        match (self, json) {
            (Self::Ingest, _) => Answer::status(StatusCode::OK),
            (_, true) => Answer::status(StatusCode::OK).body("application/json", "{}"),
            (Self::Push, false) => Answer::status(StatusCode::OK).body("application/proto", ""),
            (Self::Otlp, false) => Answer::status(StatusCode::OK).body("application/x-protobuf", ""),
        }
    }

    /// The server's status for a refusal.
    #[must_use]
    pub fn status(self, refusal: &Refusal) -> StatusCode {
        use Refusal as R;
        match (self, refusal) {
            (_, R::UnknownPath(_)) => StatusCode::NOT_FOUND,
            (_, R::Method(_)) => StatusCode::METHOD_NOT_ALLOWED,
            (_, R::Unauthenticated(_) | R::NoTenant) => StatusCode::UNAUTHORIZED,
            (Self::Push, R::Encoding(_)) => StatusCode::NOT_IMPLEMENTED,
            (_, R::MediaType(_) | R::Encoding(_)) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            (Self::Push, R::BodyTooLarge { .. }) => StatusCode::TOO_MANY_REQUESTS,
            (_, R::BodyTooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            (Self::Ingest, R::BodyCut(_)) => StatusCode::REQUEST_TIMEOUT,
            (Self::Ingest, R::Name(_)) | (Self::Push | Self::Otlp, _) => StatusCode::BAD_REQUEST,
            (Self::Ingest, _) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The server's answer to a request that it refuses.
    pub(crate) fn refused(self, refusal: &Refusal) -> Answer {
        let status = self.status(refusal);
        let code = match status {
            StatusCode::UNAUTHORIZED => "unauthenticated",
            StatusCode::TOO_MANY_REQUESTS => "resource_exhausted",
            StatusCode::NOT_IMPLEMENTED => "unimplemented",
            // `/ingest` names the code of the error inside only in its message.
            StatusCode::UNPROCESSABLE_ENTITY => "unknown",
            _ => "invalid_argument",
        };
        let message = match self {
            Self::Ingest if status == StatusCode::UNPROCESSABLE_ENTITY => {
                format!("invalid_argument: {refusal}")
            }
            _ => refusal.to_string(),
        };
        Answer::status(status).body("application/json", json!({"code": code, "message": message}).to_string())
    }
}
