//! The server that SDKs take for Pyroscope: which requests, limits, answer, enqueue.
//!
//! An SDK waits for nothing but its own bytes: once its body has been read it has its answer. The listener outlives
//! freezes, so nothing here is cut off by a timer that may just have overslept: a connection may idle for ever, and
//! a head or a body that stalls is given up after several short waits instead of one long one.
//!
//! # Layout
//! - `connections`: how many SDKs may hold, and which one goes
//! - `patience`: how long a head and a body may take
//! - `watched`: whether a head is on its way

mod connections;
mod patience;
mod watched;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use self::connections::Connections;
use self::patience::{Patience, WAIT};
use self::watched::{Stage, Watched};
use crate::clock::Clock;
use crate::log::Repeated;
use crate::net::{BoxStream, Listen};
use crate::queue::{Arriving, Queue};
use crate::upload::{Endpoint, Upload, end_to_end};

/// The largest request head, in bytes; a larger one is answered 431.
const MAX_HEAD: usize = 32 * 1024;

/// Room for what a client said it would send is set aside up to here; beyond, as it comes.
const TRUSTED_LENGTH: usize = 1024 * 1024;

/// How much of a path goes into a log line, in characters.
const SHOWN_PATH: usize = 100;

/// The content type of an answer that is no protocol's.
const TEXT: &str = "text/plain; charset=utf-8";

/// Takes uploads from SDKs into the queue.
#[derive(Debug)]
pub struct Intake {
    queue: Arc<Queue>,
    clock: Clock,
    /// The largest upload, in bytes; a larger one is answered 413.
    limit: usize,
    /// Those of all listeners.
    connections: Arc<Connections>,
    /// Why nothing can be taken at all, if so: SDKs are told with a 503 rather than promised what can't be kept.
    refusal: Option<String>,
    /// Memory was full of late.
    full: Mutex<Repeated>,
    /// Something was posted to a path that is no endpoint.
    astray: Mutex<Repeated>,
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
    #[error("the request did not come")]
    Stalled,
    #[error("no room for the profile: too much else is being read (PYROSCOPE_QUEUE_BYTES)")]
    NoRoom,
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
        let (full, astray) = (Mutex::default(), Mutex::default());
        Self { queue, clock, limit, connections: Arc::default(), refusal: None, full, astray }
    }

    /// An intake that takes nothing and tells SDKs why.
    #[must_use]
    pub fn refusing(self, reason: String) -> Self {
        Self { refusal: Some(reason), ..self }
    }

    /// Accepts connections until it is dropped; those that are open go on until the process ends.
    pub async fn serve(self: Arc<Self>, mut listener: impl Listen) {
        let mut failing = Repeated::new();
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    let intake = Arc::clone(&self);
                    self.connections.spawn(|id| intake.connection(id, stream));
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

    async fn connection(self: Arc<Self>, id: u64, stream: BoxStream) {
        let stage = Stage::default();
        let service = service_fn(|request| {
            let (intake, stage) = (&self, &stage);
            async move {
                let (_busy, _answering) = (intake.connections.busy(id), stage.answering());
                Ok::<_, Infallible>(intake.answer(request).await)
            }
        });
        // No timer, so no timeout between requests: after a thaw it would be overdue and close the connection under
        // the SDK's next request. Idle connections are bounded in number instead.
        let mut server = http1::Builder::new();
        server.max_buf_size(MAX_HEAD);
        let stream = TokioIo::new(Watched::new(stream, stage.clone()));
        let mut serving = server.serve_connection(stream, service);
        let mut patience = Patience::with_head();
        let end = poll_fn(|cx| {
            if let Poll::Ready(end) = Pin::new(&mut serving).poll(cx) {
                return Poll::Ready(Some(end));
            }
            if stage.is_head() {
                return patience.poll_over(cx).map(|()| None);
            }
            patience = Patience::with_head();
            Poll::Pending
        });
        match end.await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "a connection of an SDK ended badly"),
            None => {
                tracing::debug!("the head of a request did not come");
                refuse(serving.into_parts().io.into_inner(), &Refusal::Stalled).await;
            }
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
        let endpoint = Endpoint::from_path(request.uri().path()).ok_or_else(|| {
            self.tell_astray(request.uri().path());
            Refusal::UnknownPath
        })?;
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        if let Some(reason) = &self.refusal {
            return Err(Refusal::Unavailable(reason.clone()));
        }
        let mut arriving = self.queue.arriving();
        let (head, body) = request.into_parts();
        let body = self.read(body, &mut arriving).await?;
        let upload = Upload {
            endpoint,
            query: head.uri.query().map(str::to_owned),
            headers: end_to_end(&head.headers),
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

    fn tell_astray(&self, path: &str) {
        if let Some(similar) = occurred(&self.astray) {
            let path: String = path.chars().take(SHOWN_PATH).collect();
            tracing::warn!(
                path,
                similar,
                "a request for a path that takes no profiles: give the profiler http://localhost and the port alone as \
                 the server's address, without a path"
            );
        }
    }

    fn tell_evicted(&self, evicted: u64) {
        if let Some(similar) = occurred(&self.full) {
            tracing::warn!(
                evicted,
                similar,
                "no memory left for profiles (PYROSCOPE_QUEUE_BYTES): the oldest were dropped to make room"
            );
        }
    }

    async fn read(&self, body: Incoming, arriving: &mut Arriving<'_>) -> Result<Bytes, Refusal> {
        let limit = self.limit;
        let too_large = Refusal::TooLarge { limit };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large);
        }
        let mut read = Vec::with_capacity(announced.min(TRUSTED_LENGTH));
        let mut body = pin!(body);
        let mut patience = Patience::with_body();
        while let Some(frame) = patience.until(body.frame()).await.ok_or(Refusal::Stalled)? {
            let Ok(chunk) = frame?.into_data() else { continue };
            if read.len() + chunk.len() > limit {
                return Err(too_large);
            }
            if !arriving.grow(chunk.len()) {
                return Err(Refusal::NoRoom);
            }
            read.extend_from_slice(&chunk);
        }
        read.shrink_to_fit(); // what is not announced may have been given twice the room
        Ok(read.into())
    }
}

/// Notes an occurrence. Gives a number where it is to be logged: how many were left out since the last line.
fn occurred(repeated: &Mutex<Repeated>) -> Option<u64> {
    repeated.lock().unwrap_or_else(PoisonError::into_inner).occurred(Instant::now().into_std())
}

/// Answers where there is no request to answer: its head is not whole.
async fn refuse(mut stream: impl AsyncWrite + Unpin, refusal: &Refusal) {
    let (status, reason) = (refusal.status(), format!("{refusal}\n"));
    let answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: {TEXT}\r\ncontent-length: {}\r\n\r\n{reason}",
        reason.len()
    );
    let answered = async {
        // So short an answer is written whole or not at all.
        poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, answer.as_bytes())).await?;
        poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await
    };
    drop(timeout(WAIT, answered).await); // it has been told as well as it could be
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

// === impl Refusal ===

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::NoRoom | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
        if matches!(self, Self::Method) {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
