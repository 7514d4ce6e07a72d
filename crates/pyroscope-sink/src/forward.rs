//! The way of a request to a real server, as it came.

use std::{str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Uri, header, uri::Authority};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};

use crate::behaviour::{Answer, Incoming};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What belongs to one connection (RFC 9110, section 7.6.1), and what the new request has of its own.
static NOT_PASSED_ON: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A real server that gets each accepted request. Parsed from its URL, `http` or `https`, to whose path a request's own is added.
#[derive(Clone, Debug)]
pub struct Forward {
    tls: bool,
    authority: Authority,
    /// Without a slash at the end.
    base: String,
}

/// Why a URL can't be forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// No URL of the kind.
    #[error("{0:?} is no URL to forward to; write http://HOST:PORT or https://HOST")]
    NotAUrl(String),
    /// It holds a user or a password.
    #[error("a URL with a user in it; leave it out: the credentials of each request are passed on")]
    Credentials,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("TLS: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("no request can be made of it: {0}")]
    Request(#[from] http::Error),
    #[error("no answer in {PATIENCE:?}")]
    Late,
}

// === impl Forward ===

impl FromStr for Forward {
    type Err = ForwardError;

    fn from_str(text: &str) -> Result<Self, ForwardError> {
        let unfit = || ForwardError::NotAUrl(text.to_owned());
        if text.split_once("//").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or(rest).contains('@'))
        {
            return Err(ForwardError::Credentials);
        }
        let uri: Uri = text.parse().map_err(|_| unfit())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(unfit()),
        };
        let authority = uri.authority().cloned().filter(|authority| !authority.host().is_empty());
        if uri.query().is_some() {
            return Err(unfit());
        }
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { tls, authority: authority.ok_or_else(unfit)?, base })
    }
}

impl Forward {
    /// Sends a request on; 502 where the server can't be reached, 504 where it doesn't answer in time.
    pub(crate) async fn send(&self, request: &Incoming) -> Answer {
        let answered = timeout(PATIENCE, self.exchange(request)).await.unwrap_or(Err(Unanswered::Late));
        answered.unwrap_or_else(|unanswered| {
            let status = if matches!(unanswered, Unanswered::Late) { 504 } else { 502 };
            let message = format!("forward to {}: {unanswered}", self.authority);
            Answer::code(status).body("application/json", json!({"message": message}).to_string())
        })
    }

    async fn exchange(&self, request: &Incoming) -> Result<Answer, Unanswered> {
        let port = self.authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 });
        // An IPv6 address has brackets in a URL and none for the system.
        let host = self.authority.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await?;
        let request = self.request(request)?;
        if self.tls {
            let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
            speak(connector()?.connect(name, stream).await?, request).await
        } else {
            speak(stream, request).await
        }
    }

    fn request(&self, came: &Incoming) -> Result<Request<Full<Bytes>>, http::Error> {
        let query = came.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = Request::builder()
            .method(came.method.clone())
            .uri(format!("{}{}{query}", self.base, came.path))
            .header(header::HOST, self.authority.as_str())
            .body(Full::new(came.body.clone()))?;
        request.headers_mut().extend(end_to_end(&came.headers));
        Ok(request)
    }
}

/// The headers that are meant for the server, not for whoever is on the way.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<_> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let passed_on =
        |name: &HeaderName| !NOT_PASSED_ON.contains(name) && !named.iter().any(|has| name == has.as_str());
    headers
        .iter()
        .filter(|(name, _)| passed_on(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

async fn speak<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Unanswered>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender, and its error is the sender's.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let mut answer = Answer::status(head.status);
    if let Some(after) = text(header::RETRY_AFTER) {
        answer = answer.retry_after(after);
    }
    Ok(match text(header::CONTENT_TYPE) {
        Some(content_type) => answer.body(content_type, body),
        None => answer.body_alone(body),
    })
}

fn connector() -> Result<TlsConnector, tokio_rustls::rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_and_without_a_path_can_be_forwarded_to_and_anything_else_not() {
        let forward: Forward = "https://profiles.example:4040/base/".parse().unwrap();
        assert_eq!((forward.tls, forward.base.as_str()), (true, "/base"));
        assert_eq!("http://[::1]:4040".parse::<Forward>().unwrap().authority, "[::1]:4040");
        for text in ["", "localhost:4040", "ftp://x", "http://", "http://x/?a=b"] {
            assert!(matches!(text.parse::<Forward>(), Err(ForwardError::NotAUrl(_))), "{text}");
        }
        assert_eq!("http://u:p@x".parse::<Forward>().unwrap_err(), ForwardError::Credentials);
    }

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "x-hop, close"), ("x-hop", "1"), ("te", "trailers"), ("x-scope-orgid", "t")]
        {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        let passed_on = end_to_end(&headers);
        assert_eq!(passed_on.len(), 1);
        assert_eq!(passed_on["x-scope-orgid"], "t");
    }
}
