//! The Pyroscope server that profiles go to: one attempt at delivering one upload.

pub mod outcome;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use self::outcome::{Cause, Outcome};
use crate::clock::Clock;
use crate::config::{BadProxy, Config, RemoteAddress};
use crate::connection::{Connection, Connector, Pool};
use crate::credentials::{Provider, Unready};
use crate::net::Dial;
use crate::upload::Upload;

/// How much of an answer is read for its reason, in bytes. A connection with more to come is not used again.
const ANSWER_LIMIT: usize = 8 * 1024;

/// How long to wait for the rest of an answer whose status is known.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an attempt that was under way over a freeze may still take. Its connection is dead more often than not.
pub const THAW_GRACE: Duration = Duration::from_millis(250);

/// A timer that is later than this has slept through a freeze.
pub const OVERSLEPT: Duration = Duration::from_secs(1);

const TENANT: HeaderName = HeaderName::from_static("x-scope-orgid");

/// A Pyroscope server.
#[derive(Debug)]
pub struct Remote {
    connector: Connector,
    pool: Arc<Pool>,
    /// What stands before the server's own paths.
    base_path: String,
    /// Stated in every request, over what the SDK sent.
    headers: HeaderMap,
    credentials: Provider,
    timeout: Duration,
    clock: Clock,
}

/// An upload with its labels on, as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The query string, without the `?`.
    pub query: Option<String>,
    /// The body.
    pub body: Bytes,
}

// === impl Labelled ===

impl Labelled {
    /// The upload as it came.
    #[must_use]
    pub fn unchanged(upload: &Upload) -> Self {
        Self { query: upload.query.clone(), body: upload.body.clone() }
    }
}

// === impl Remote ===

impl Remote {
    /// The server at `address`, with the tenant and the headers that are configured, and with `credentials`.
    ///
    /// # Errors
    /// Where it is to be reached through a proxy that can't be used.
    pub fn try_new(
        network: Arc<dyn Dial>,
        address: &RemoteAddress,
        config: &Config,
        credentials: Provider,
        clock: Clock,
    ) -> Result<Self, BadProxy> {
        Ok(Self {
            connector: Connector::try_new(network, address, &config.network)?,
            pool: Arc::default(),
            base_path: address.base_path().to_owned(),
            headers: stated_headers(address, config),
            credentials,
            timeout: config.timeout,
            clock,
        })
    }

    /// What the next attempt is authenticated with, which may have to be read first.
    ///
    /// # Errors
    /// Where it can't be read.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Unready> {
        self.credentials.authorization().await
    }

    /// Tries once to deliver `upload` as it is in `labelled`.
    ///
    /// A kept connection that turns out to be dead does not count as a try: remotes and NATs drop them in silence.
    pub async fn attempt(
        &self,
        upload: &Upload,
        labelled: &Labelled,
        authorization: Option<&HeaderValue>,
    ) -> Outcome {
        let request = match self.request(upload, labelled, authorization) {
            Ok(request) => request,
            Err(error) => return Outcome::Unsendable(error),
        };
        match self.send(request).await {
            Outcome::Unauthorized { .. } if self.credentials.rejected(authorization) => {
                Outcome::StaleCredentials
            }
            outcome => outcome,
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Outcome {
        let started = Instant::now();
        let connected = AtomicBool::new(false);
        let mut exchange = pin!(self.exchange(request, &connected));
        let mut result = timeout(self.timeout, &mut exchange).await;
        // Where time runs on in a freeze, the timer is overdue at the thaw. The answer may be there all the same.
        let overslept = started.elapsed() > self.timeout + OVERSLEPT;
        if result.is_err() && overslept {
            result = timeout(THAW_GRACE, exchange).await;
        }
        match result {
            Ok(Ok((connection, response))) => self.conclude(connection, response).await,
            Ok(Err(cause)) => Outcome::NotYet { cause, retry_after: None },
            Err(_) if overslept => Outcome::Overslept,
            Err(_) => {
                self.pool.discard(); // what kept this one from answering may keep the others
                let cause = if connected.load(Ordering::Relaxed) {
                    Cause::Timeout(self.timeout)
                } else {
                    let proxy = self.connector.proxy().map(ToString::to_string);
                    Cause::NoConnection { timeout: self.timeout, proxy }
                };
                Outcome::NotYet { cause, retry_after: None }
            }
        }
    }

    /// The environment runs again. Where it stood still for long, no connection is trusted any more.
    pub fn thaw(&self, connections_may_be_dead: bool) {
        if connections_may_be_dead {
            self.pool.discard();
        }
        self.credentials.thaw(connections_may_be_dead);
    }

    /// Forgets what other clones of this environment may know as well: TLS sessions that might be resumed, and credentials.
    pub fn leave_snapshot(&self) {
        self.connector.forget_sessions();
        self.credentials.forget();
    }

    fn request(
        &self,
        upload: &Upload,
        labelled: &Labelled,
        authorization: Option<&HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let (base, path) = (&self.base_path, upload.endpoint.path());
        let target = match &labelled.query {
            Some(query) => format!("{base}{path}?{query}"),
            None => format!("{base}{path}"),
        };
        let mut request =
            Request::builder().method(Method::POST).uri(target).body(Full::new(labelled.body.clone()))?;
        let headers = request.headers_mut();
        headers.clone_from(&upload.headers);
        // The SDK's own credentials stand where none are configured.
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        connected: &AtomicBool,
    ) -> Result<(Connection, Response<Incoming>), Cause> {
        if let Some(mut kept) = self.pool.take(self.clock.now()) {
            connected.store(true, Ordering::Relaxed);
            let response = match kept.ready().await {
                Ok(()) => kept.send(request.clone()).await,
                Err(error) => Err(error),
            };
            match response {
                Ok(response) => return Ok((kept, response)),
                Err(error) => tracing::debug!(%error, "a kept connection was dead; trying a fresh one"),
            }
        }
        connected.store(false, Ordering::Relaxed);
        let mut fresh = self.connector.connect().await.map_err(Cause::Connect)?;
        connected.store(true, Ordering::Relaxed);
        let response = fresh.send(request).await.map_err(Cause::Exchange)?;
        Ok((fresh, response))
    }

    async fn conclude(&self, connection: Connection, response: Response<Incoming>) -> Outcome {
        let (head, body) = response.into_parts();
        let pool = Arc::clone(&self.pool);
        let clock = self.clock;
        let rest = async move {
            let (text, whole) = read(body).await;
            if whole {
                pool.put(connection, clock.now());
            }
            text
        };
        // The status alone decides: a body that never ends must not undo a delivery, nor delay the news of it.
        if head.status.is_success() {
            tokio::spawn(rest);
            return Outcome::Delivered;
        }
        let mut text = rest.await;
        if let Some(proxy) = self.connector.forwarding_proxy() {
            // Whose answer it may be, and is where it asks for a password.
            let wants = if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                ", which wants user and password in its address"
            } else {
                ""
            };
            text = format!("by way of the proxy {proxy}{wants}: {text}");
        }
        Outcome::of_answer(head.status, &head.headers, &text, self.clock.now().wall)
    }
}

/// Reads an answer, as far as it is worth it. Says whether that was all of it.
async fn read(mut body: Incoming) -> (String, bool) {
    let mut bytes = BytesMut::new();
    let read = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Ok(chunk) = frame.into_data() else { continue };
            if bytes.len() + chunk.len() > ANSWER_LIMIT {
                return false;
            }
            bytes.extend_from_slice(&chunk);
        }
        true
    };
    let whole = timeout(ANSWER_TIMEOUT, read).await == Ok(true);
    (String::from_utf8_lossy(&bytes).into_owned(), whole)
}

/// Tenant and further headers, the last on top.
fn stated_headers(address: &RemoteAddress, config: &Config) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(host) = HeaderValue::try_from(address.authority()) {
        headers.insert(HOST, host);
    }
    if let Some(tenant) = &config.tenant_id {
        headers.insert(TENANT, tenant.clone());
    }
    headers.extend(config.headers.clone());
    headers
}
