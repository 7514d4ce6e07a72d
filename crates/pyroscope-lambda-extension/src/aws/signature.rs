//! AWS's own signature of a request: Signature Version 4, made by the crate that the SDK for Rust makes it with.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::{HeaderName, HeaderValue, Request};

use crate::config::Keys;
use crate::secret::fault::Fault;

/// Adds to `request`, whose headers are complete but for these, what proves whose it is.
pub(super) fn add<B>(
    request: &mut Request<B>,
    body: &[u8],
    keys: &Keys,
    region: &str,
    service: &str,
    now: SystemTime,
) -> Result<(), Fault> {
    let session_token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
    let identity =
        Credentials::new(&keys.id, keys.secret.expose(), session_token, None, "environment").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(Fault::request)?
        .into();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    // The host that is signed is that of the header; the URL only has to have one.
    let url = format!("https://host{}", request.uri().path());
    let signable = SignableRequest::new(request.method().as_str(), url, headers, SignableBody::Bytes(body));
    let (instructions, _) =
        sign(signable.map_err(Fault::request)?, &parameters).map_err(Fault::request)?.into_parts();
    for header in instructions.into_parts().0 {
        let mut value = HeaderValue::from_str(header.value()).map_err(Fault::request)?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}
