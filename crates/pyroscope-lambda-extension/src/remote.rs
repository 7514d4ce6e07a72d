//! The Pyroscope server that profiles go to: one attempt at delivering one upload.

pub mod fault;
pub mod outcome;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use self::outcome::{Cause, Outcome, reason};
use crate::clock::Clock;
use crate::config::{BadProxy, Config, Proxy, RemoteAddress};
use crate::connection::progress::{Progress, Stage};
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

/// A secret shorter than this, in bytes, is not looked for in the remote's answers: it may be a word of any text.
const SHORTEST_SECRET: usize = 8;

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

/// An answer of the remote, for somebody who wants to know more than what becomes of an upload.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was worth reading.
    pub body: String,
}

// === impl Answer ===

impl Answer {
    /// What a line can hold of its own words; of a redirect, where it leads to.
    #[must_use]
    pub fn reason(&self) -> String {
        reason(&self.headers, &self.body)
    }
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
        match self.send(request, authorization).await {
            Outcome::Unauthorized { .. } if self.credentials.rejected(authorization) => {
                Outcome::StaleCredentials
            }
            outcome => outcome,
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>, authorization: Option<&HeaderValue>) -> Outcome {
        let started = Instant::now();
        let progress = Progress::default();
        let mut exchange = pin!(self.exchange(request, &progress));
        let mut result = timeout(self.timeout, &mut exchange).await;
        // Where time runs on in a freeze, the timer is overdue at the thaw. The answer may be there all the same.
        let overslept = started.elapsed() > self.timeout + OVERSLEPT;
        if result.is_err() && overslept {
            result = timeout(THAW_GRACE, exchange).await;
        }
        match result {
            Ok(Ok((connection, response))) => self.conclude(connection, response, authorization).await,
            Ok(Err(cause)) => Outcome::NotYet { cause, retry_after: None },
            Err(_) if overslept => Outcome::Overslept,
            Err(_) => {
                self.pool.discard(); // what kept this one from answering may keep the others
                Outcome::NotYet { cause: self.timed_out(&progress), retry_after: None }
            }
        }
    }

    /// Sends `upload` as it is, over the very way that [`Remote::attempt`] takes, and gives the whole answer. `progress` tells
    /// how far it came.
    ///
    /// # Errors
    /// Where there is no answer.
    pub async fn ask(
        &self,
        upload: &Upload,
        authorization: Option<&HeaderValue>,
        progress: &Progress,
    ) -> Result<Answer, Cause> {
        let request =
            self.request(upload, &Labelled::unchanged(upload), authorization).map_err(io::Error::other);
        let exchange = self.exchange(request.map_err(Cause::Connect)?, progress);
        let answered = timeout(self.timeout, exchange).await.map_err(|_| self.timed_out(progress))?;
        let (connection, response) = answered?;
        let (head, body) = response.into_parts();
        let (body, whole) = read(body).await;
        if whole {
            self.pool.put(connection, self.clock.now());
        }
        let body = self.without_secrets(authorization, &body);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// The proxy on the way, where there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.connector.proxy()
    }

    fn timed_out(&self, progress: &Progress) -> Cause {
        let proxy = self.proxy().map(ToString::to_string);
        Cause::Timeout { after: self.timeout, stage: progress.stage(), proxy }
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
        progress: &Progress,
    ) -> Result<(Connection, Response<Incoming>), Cause> {
        if let Some(mut kept) = self.pool.take(self.clock.now()) {
            progress.reuse();
            let response = match kept.ready().await {
                Ok(()) => kept.send(request.clone()).await,
                Err(error) => Err(error),
            };
            match response {
                Ok(response) => return Ok((kept, response)),
                Err(error) => tracing::debug!(%error, "a kept connection was dead; trying a fresh one"),
            }
        }
        let mut fresh = self.connector.connect(progress).await.map_err(|error| match progress.stage() {
            Stage::Securing => Cause::Secure(error),
            Stage::Dialling | Stage::Asking => Cause::Connect(error),
        })?;
        let response = fresh.send(request).await.map_err(Cause::Exchange)?;
        Ok((fresh, response))
    }

    async fn conclude(
        &self,
        connection: Connection,
        response: Response<Incoming>,
        authorization: Option<&HeaderValue>,
    ) -> Outcome {
        let (mut head, body) = response.into_parts();
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
        let text = self.without_secrets(authorization, &rest.await);
        if let Some(location) = head.headers.get_mut(LOCATION) {
            let hidden = self.without_secrets(authorization, &String::from_utf8_lossy(location.as_bytes()));
            *location = HeaderValue::try_from(hidden).unwrap_or(HeaderValue::from_static("?"));
        }
        let outcome = Outcome::of_answer(head.status, &head.headers, &text, self.clock.now().wall);
        if let Some(proxy) = self.connector.forwarding_proxy() {
            return outcome.by_way_of(&proxy.to_string()); // whose answer it may be
        }
        outcome
    }

    /// The remote's own words without our credentials, which it may have sent back: they are for the log.
    fn without_secrets(&self, authorization: Option<&HeaderValue>, text: &str) -> String {
        let stated = self.headers.values().filter(|value| value.is_sensitive());
        let sensitive = stated.chain(authorization);
        let secrets = sensitive.filter_map(|value| value.to_str().ok()?.rsplit(' ').next());
        let worth_it = secrets.filter(|secret| secret.len() >= SHORTEST_SECRET && text.contains(secret));
        worth_it.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
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
