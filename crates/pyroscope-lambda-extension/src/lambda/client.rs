//! A client of the Extensions API over one connection of its own: no pool, no proxy, and no timeout on `next`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Builder;
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use super::event::{Event, NotAnEvent};
use crate::net::Dial;

const API_VERSION: &str = "/2020-01-01";
const TELEMETRY_PATH: &str = "/2022-07-01/telemetry";
const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-extension-function-error-type");

/// More than any answer of the API needs, in bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// What an extension can ask to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// INVOKE and SHUTDOWN.
    Invocations,
    /// SHUTDOWN alone: all that Managed Instances allow.
    ShutdownOnly,
}

/// The phase in which an extension fails; the platform has a call for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first event was asked for.
    Init,
    /// Afterwards.
    Running,
}

/// The Extensions API of one environment.
#[derive(Debug)]
pub struct Client {
    network: Arc<dyn Dial>,
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    /// `host:port`.
    authority: HeaderValue,
    /// What stands before the API's own paths; tools that proxy the API put themselves there.
    base_path: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    identifier: Option<HeaderValue>,
}

/// A call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `AWS_LAMBDA_RUNTIME_API` is not an address.
    #[error("AWS_LAMBDA_RUNTIME_API={0:?}: not host:port")]
    Address(String),
    /// The platform can't be reached.
    #[error("can't connect to the Extensions API (AWS_LAMBDA_RUNTIME_API): {0}")]
    Connect(#[source] io::Error),
    /// The platform does not answer.
    #[error("the Extensions API does not answer (AWS_LAMBDA_RUNTIME_API)")]
    Silent,
    /// The exchange broke off.
    #[error("the exchange with the Extensions API broke off: {0}")]
    Exchange(#[from] hyper::Error),
    /// The platform said no.
    #[error("the Extensions API answered {status} {error_type}: {message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The platform's name for what is wrong, such as `Extension.InvalidEventType`.
        error_type: String,
        /// The platform's words for it.
        message: String,
    },
    /// The answer is longer than any answer can be, or was cut short.
    #[error("the answer of the Extensions API can't be read: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    /// The answer to register lacks the identifier that every other call needs.
    #[error("the Extensions API registered the extension without giving it an identifier")]
    NoIdentifier,
    /// `next` answered with something that is no event.
    #[error(transparent)]
    Event(#[from] NotAnEvent),
    /// The request could not be made from what the environment says.
    #[error("can't make the request: {0}")]
    Request(#[from] http::Error),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody {
    error_message: String,
    error_type: String,
}

// === impl Interest ===

impl Interest {
    const fn body(self) -> &'static str {
        match self {
            Self::Invocations => r#"{"events":["INVOKE","SHUTDOWN"]}"#,
            Self::ShutdownOnly => r#"{"events":["SHUTDOWN"]}"#,
        }
    }
}

// === impl Client ===

impl Client {
    /// A client for the API at `runtime_api`: `host:port`, or an `http` URL with or without a path.
    /// It reaches it over `network`.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn try_new(network: Arc<dyn Dial>, runtime_api: &str) -> Result<Self, Error> {
        let invalid = || Error::Address(runtime_api.to_owned());
        let url = if runtime_api.contains("://") { runtime_api } else { &format!("http://{runtime_api}") };
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| invalid())?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() {
            return Err(invalid());
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
        // `Uri` takes a port that is no number for none.
        let port = match uri.authority().and_then(|authority| authority.as_str().strip_prefix(host)) {
            None | Some("") => 80,
            Some(_) => uri.port_u16().ok_or_else(invalid)?,
        };
        Ok(Self {
            network,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: HeaderValue::try_from(format!("{host}:{port}")).map_err(|_| invalid())?,
            base_path: uri.path().trim_end_matches('/').to_owned(),
            connection: None,
            identifier: None,
        })
    }

    /// Registers under `name`, which has to be the file name of the running executable.
    ///
    /// # Errors
    /// Where the platform can't be reached or refuses.
    pub async fn register(&mut self, name: &HeaderValue, interest: Interest) -> Result<(), Error> {
        let request = Request::builder()
            .method(Method::POST)
            .header(NAME, name)
            .header(CONTENT_TYPE, "application/json");
        let (head, _) = self.call("/extension/register", request, interest.body()).await?;
        self.identifier = Some(head.headers.get(IDENTIFIER).cloned().ok_or(Error::NoIdentifier)?);
        Ok(())
    }

    /// Says that the extension is ready, and waits for the next event however long that takes.
    ///
    /// # Errors
    /// Where the platform can't be reached, refuses, or answers with something that is no event.
    pub async fn next(&mut self) -> Result<Event, Error> {
        let request = Request::builder().method(Method::GET);
        let (_, body) = self.call("/extension/event/next", request, "").await?;
        Ok(Event::parse(&body)?)
    }

    /// Asks the Telemetry API for what `subscription` names, before the first [`Client::next`]; it is refused afterwards.
    ///
    /// Says whether the platform agreed: emulators that know no telemetry answer 202.
    ///
    /// # Errors
    /// Where the platform can't be reached or refuses.
    pub async fn subscribe(&mut self, subscription: impl Into<Bytes>) -> Result<bool, Error> {
        let request = Request::builder().method(Method::PUT).header(CONTENT_TYPE, "application/json");
        let (head, _) = self.exchange(TELEMETRY_PATH, request, subscription).await?;
        Ok(head.status == StatusCode::OK)
    }

    /// Tells the platform why the extension ends; it has to end then.
    ///
    /// # Errors
    /// Where the platform can't be reached or refuses.
    pub async fn report(
        &mut self,
        phase: Phase,
        error_type: &'static str,
        message: &str,
    ) -> Result<(), Error> {
        let path = match phase {
            Phase::Init => "/extension/init/error",
            Phase::Running => "/extension/exit/error",
        };
        let request = Request::builder()
            .method(Method::POST)
            .header(ERROR_TYPE, error_type)
            .header(CONTENT_TYPE, "application/json");
        let body = serde_json::json!({ "errorType": error_type, "errorMessage": message, "stackTrace": [] });
        self.call(path, request, body.to_string()).await.map(drop)
    }

    async fn call(
        &mut self,
        path: &str,
        request: Builder,
        body: impl Into<Bytes>,
    ) -> Result<(Parts, Bytes), Error> {
        self.exchange(&format!("{API_VERSION}{path}"), request, body).await
    }

    async fn exchange(
        &mut self,
        path: &str,
        request: Builder,
        body: impl Into<Bytes>,
    ) -> Result<(Parts, Bytes), Error> {
        let mut request = request
            .uri(format!("{}{path}", self.base_path))
            .header(HOST, &self.authority)
            .body(Full::new(body.into()))?;
        if let Some(identifier) = &self.identifier {
            request.headers_mut().insert(IDENTIFIER, identifier.clone());
        }
        let mut connection = self.connect().await?;
        let response = connection.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(Error::Answer)?.to_bytes();
        // Only a connection whose answer has been read whole is good for another call.
        self.connection = Some(connection);
        if head.status.is_success() {
            return Ok((head, body));
        }
        let ErrorBody { error_type, error_message } = serde_json::from_slice(&body).unwrap_or_default();
        Err(Error::Refused { status: head.status, error_type, message: error_message })
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, Error> {
        if let Some(mut connection) = self.connection.take()
            && connection.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let stream = self.network.dial(&self.host, self.port).await.map_err(Error::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the Extensions API ended badly");
            }
        });
        Ok(sender)
    }
}

// === impl Error ===

impl Error {
    /// Whether the platform wants the process gone: it says so with a 500.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the platform refused to tell of invocations, as Managed Instances do.
    #[must_use]
    pub fn refuses_invocations(&self) -> bool {
        matches!(self, Self::Refused { error_type, .. } if error_type == "Extension.InvalidEventType")
    }

    /// Whether asking again may help: the platform may not be up yet, or a tool between us and it may not.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Exchange(_) | Self::Answer(_) => true,
            Self::Refused { status, .. } => status.as_u16() > 500 || status.as_u16() == 429,
            _ => false,
        }
    }
}

/// How long a report to the platform may take: the process is on its way out.
pub const REPORT_TIMEOUT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Tcp;

    #[test]
    fn the_runtime_api_is_an_address_or_an_http_url() {
        for (runtime_api, authority, base_path) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", ""),
            ("169.254.100.1:9001", "169.254.100.1:9001", ""),
            ("localhost", "localhost:80", ""),
            ("[::1]:9001", "[::1]:9001", ""),
            ("http://127.0.0.1:9000/.rt", "127.0.0.1:9000", "/.rt"),
            ("http://127.0.0.1:9000/.rt/", "127.0.0.1:9000", "/.rt"),
        ] {
            let client = Client::try_new(Arc::new(Tcp), runtime_api).unwrap();
            assert_eq!(
                (client.authority.to_str().unwrap(), client.base_path.as_str()),
                (authority, base_path)
            );
        }
        for runtime_api in ["", "https://127.0.0.1:9001", ":9001", "a b", "http://", "127.0.0.1:99999"] {
            assert!(Client::try_new(Arc::new(Tcp), runtime_api).is_err(), "{runtime_api}");
        }
    }
}
