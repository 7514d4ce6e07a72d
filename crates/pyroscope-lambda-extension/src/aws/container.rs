//! Keys that Lambda hands out, as the container credentials provider of AWS's SDKs asks for them.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{HeaderValue, Request};
use http_body_util::Full;

use super::exchange::Answer;
use super::json::Object;
use crate::config::{Keys, RemoteAddress};
use crate::secret::Secret;
use crate::secret::fault::Fault;

/// Asks for keys at `address`.
pub(super) fn request(
    address: &RemoteAddress,
    token: Option<&Secret>,
) -> Result<Request<Full<Bytes>>, Fault> {
    let path = if address.base_path().is_empty() { "/" } else { address.base_path() };
    let mut request = Request::get(path).header(HOST, address.authority()).header(ACCEPT, "application/json");
    if let Some(token) = token {
        let mut token = HeaderValue::from_str(token.expose()).map_err(Fault::request)?;
        token.set_sensitive(true);
        request = request.header(AUTHORIZATION, token);
    }
    request.body(Full::default()).map_err(Fault::request)
}

/// The keys in the answer. When they expire does not matter: they are used at once and once.
pub(super) fn keys(answer: &Answer) -> Result<Keys, Fault> {
    let status = answer.status;
    if !status.is_success() {
        return Err(Fault::KeysRefused { status });
    }
    let keys = || {
        let mut object = Object::parse(&answer.body)?;
        Some(Keys {
            id: object.text("AccessKeyId")?,
            secret: object.secret("SecretAccessKey")?,
            session_token: object.secret("Token"),
        })
    };
    keys().ok_or(Fault::NoKeysInAnswer)
}
