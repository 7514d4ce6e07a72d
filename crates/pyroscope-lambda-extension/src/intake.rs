//! The server that SDKs take for Pyroscope: which requests, limits, answer, enqueue.
//!
//! An SDK waits for nothing but its own bytes: once its body has been read it has its answer. The listener outlives
//! freezes, so nothing here is cut off by a timer that may just have overslept: a connection may idle for ever, and
//! a body that stalls is given up after several short waits instead of one long one.

mod connections;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use self::connections::Connections;
use crate::clock::Clock;
use crate::log::Repeated;
use crate::net::{BoxStream, Listen};
use crate::queue::Queue;
use crate::upload::{Endpoint, Upload};

/// The largest request head, in bytes; a larger one is answered 431.
const MAX_HEAD: usize = 32 * 1024;

/// A body is given up after this many waits of [`STALL_WAIT`] in a row without a byte.
const STALL_WAITS: u32 = 6;

/// One wait for more of a body. A freeze lets one of them pass at most.
const STALL_WAIT: Duration = Duration::from_secs(5);

/// Room for what a client said it would send is set aside up to here; beyond, as it comes.
const TRUSTED_LENGTH: usize = 1024 * 1024;

/// Headers that belong to one connection or one hop (RFC 9110, section 7.6.1), and those that the relay, a client
/// of its own to the remote, states for itself.
const NOT_FORWARDED: [HeaderName; 12] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"), // in no RFC, but sent all the same
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::EXPECT,
    header::ACCEPT_ENCODING,
];

/// Takes uploads from SDKs into the queue.
#[derive(Debug)]
pub struct Intake {
    queue: Arc<Queue>,
    clock: Clock,
    /// The largest upload, in bytes; a larger one is answered 413.
    limit: usize,
    /// Why nothing can be taken at all, if so: SDKs are told with a 503 rather than promised what can't be kept.
    refusal: Option<String>,
    /// Memory was full of late.
    full: Mutex<Repeated>,
}

/// Why a request is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(
        "no such endpoint; profiles go to /ingest, /push.v1.PusherService/Push or /v1development/profiles"
    )]
    UnknownPath,
    #[error("use POST")]
    Method,
    #[error("the profile takes more than {limit} bytes (PYROSCOPE_QUEUE_BYTES)")]
    TooLarge { limit: usize },
    #[error("the body did not come")]
    Stalled,
    #[error("the body can't be read: {0}")]
    Broken(#[from] hyper::Error),
    #[error("{0}")]
    Unavailable(String),
}

/// Listens on both loopback addresses, since `localhost` may mean either; on the IPv4 one alone where there is no IPv6.
///
/// Port 0 takes any port that is free.
///
/// # Errors
/// Where the port is taken.
pub async fn bind(port: u16) -> io::Result<Vec<TcpListener>> {
    let v4 = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let port = v4.local_addr()?.port();
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
        Ok(v6) => Ok(vec![v4, v6]),
        Err(error) => {
            if error.kind() == io::ErrorKind::AddrInUse {
                tracing::warn!(
                    port,
                    "[::1] is taken by another process; profiles are taken on 127.0.0.1 alone"
                );
            } else {
                tracing::debug!(%error, "no IPv6 loopback");
            }
            Ok(vec![v4])
        }
    }
}

// === impl Intake ===

impl Intake {
    /// An intake that puts into `queue` what takes at most `limit` bytes there.
    #[must_use]
    pub fn new(queue: Arc<Queue>, clock: Clock, limit: usize) -> Self {
        Self { queue, clock, limit, refusal: None, full: Mutex::default() }
    }

    /// An intake that takes nothing and tells SDKs why.
    #[must_use]
    pub fn refusing(self, reason: String) -> Self {
        Self { refusal: Some(reason), ..self }
    }

    /// Accepts connections until it is dropped; those that are open go on until the process ends.
    pub async fn serve(self: Arc<Self>, mut listener: impl Listen) {
        let connections = Arc::new(Connections::default());
        let mut failing = Repeated::new();
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    let (intake, open) = (Arc::clone(&self), Arc::clone(&connections));
                    connections.spawn(|id| intake.connection(id, stream, open));
                }
                Err(error) => {
                    // Out of descriptors, most likely: busy-looping would starve the function beside us.
                    if let Some(similar) = failing.occurred(Instant::now().into_std()) {
                        tracing::warn!(%error, similar, "can't accept a connection");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, id: u64, stream: BoxStream, connections: Arc<Connections>) {
        let service = service_fn(|request| {
            let (intake, connections) = (&self, &connections);
            async move {
                let _busy = connections.busy(id);
                Ok::<_, Infallible>(intake.answer(request).await)
            }
        });
        // No timer, so no timeout between requests: after a thaw it would be overdue and close the connection under
        // the SDK's next request. Idle connections are bounded in number instead.
        let mut server = http1::Builder::new();
        server.max_buf_size(MAX_HEAD);
        if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
            tracing::debug!(%error, "a connection of an SDK ended badly");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let content_type = request.headers().get(CONTENT_TYPE).cloned();
        match self.take(request).await {
            Ok(endpoint) => accepted(endpoint, content_type),
            Err(refusal) => {
                tracing::debug!(status = refusal.status().as_u16(), reason = %refusal, "request not taken");
                refusal.response()
            }
        }
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Endpoint, Refusal> {
        let endpoint = Endpoint::from_path(request.uri().path()).ok_or(Refusal::UnknownPath)?;
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        if let Some(reason) = &self.refusal {
            return Err(Refusal::Unavailable(reason.clone()));
        }
        let _arriving = self.queue.arriving();
        let (head, body) = request.into_parts();
        let body = self.read(body).await?;
        let upload = Upload {
            endpoint,
            query: head.uri.query().map(str::to_owned),
            headers: end_to_end(head.headers),
            body,
            arrived: self.clock.now().wall,
        };
        // It would not fit into an empty queue either: with a 503 an SDK would only send it again.
        if upload.weight() > self.limit {
            return Err(Refusal::TooLarge { limit: self.limit });
        }
        match self.queue.accept(upload) {
            Ok(0) => {}
            Ok(evicted) => self.tell_evicted(evicted),
            Err(reason) => return Err(Refusal::Unavailable(reason.to_string())),
        }
        Ok(endpoint)
    }

    fn tell_evicted(&self, evicted: u64) {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(similar) = full.occurred(Instant::now().into_std()) {
            tracing::warn!(
                evicted,
                similar,
                "no memory left for profiles (PYROSCOPE_QUEUE_BYTES): the oldest were dropped to make room"
            );
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let limit = self.limit;
        let too_large = Refusal::TooLarge { limit };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large);
        }
        let mut read = BytesMut::with_capacity(announced.min(TRUSTED_LENGTH));
        let mut body = pin!(body);
        while let Some(frame) = unless_stalled(body.frame()).await? {
            let Ok(chunk) = frame?.into_data() else { continue };
            if read.len() + chunk.len() > limit {
                return Err(too_large);
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read.freeze())
    }
}

/// Waits for `future` in several short waits, so that a freeze, which makes one of them overdue, does not use them up.
async fn unless_stalled<F: Future>(future: F) -> Result<F::Output, Refusal> {
    let mut future = pin!(future);
    for _ in 0..STALL_WAITS {
        if let Ok(output) = timeout(STALL_WAIT, &mut future).await {
            return Ok(output);
        }
    }
    Err(Refusal::Stalled)
}

/// An empty message of the endpoint's protocol, in the request's own content type. SDKs want exactly 200.
fn accepted(endpoint: Endpoint, content_type: Option<HeaderValue>) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    if let (Endpoint::Push | Endpoint::Otlp, Some(content_type)) = (endpoint, content_type) {
        if content_type.as_bytes().starts_with(b"application/json") {
            *response.body_mut() = Full::from("{}");
        }
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

/// The headers that stay with the upload while it waits, in memory of their own: the values that came are slices of the
/// connection's read buffer, and each would keep all of it.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in listed.iter().chain(&NOT_FORWARDED).chain([&CONTENT_LENGTH]) {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        // What was a value before is one again.
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
    }
    headers
}

// === impl Refusal ===

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if matches!(self, Self::Method) {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_stay_with_the_connection() {
        let sent = [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("host", "localhost:4040"),
            ("content-length", "5"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
            ("content-type", "application/proto"),
            ("content-encoding", "gzip"),
            ("authorization", "Bearer of-the-sdk"),
            ("user-agent", "sdk"),
        ];
        let headers =
            sent.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let forwarded = end_to_end(headers);
        let mut names: Vec<_> = forwarded.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-encoding", "content-type", "user-agent"]);
    }

    #[test]
    fn what_waits_does_not_keep_the_buffer_that_it_was_read_into() {
        let buffer = Bytes::from(vec![b'a'; MAX_HEAD]);
        let value = HeaderValue::from_maybe_shared(buffer.slice(..3)).unwrap();
        assert!(!buffer.is_unique());

        let kept = end_to_end(HeaderMap::from_iter([(CONTENT_TYPE, value)]));

        assert_eq!(kept.get(CONTENT_TYPE).unwrap(), "aaa");
        assert!(buffer.is_unique());
    }
}
