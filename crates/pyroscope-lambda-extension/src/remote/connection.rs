//! Connections to the remote: made when needed, kept while they live.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::client::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::tls;
use crate::clock::Moment;
use crate::config::{RemoteAddress, Scheme};
use crate::net::{BoxStream, Dial};

/// Idle connections that are kept. More than this go out together only at shutdown.
const MAX_IDLE: usize = 16;

/// How long a connection is kept idle. Load balancers close theirs after a minute, some without a word.
const MAX_IDLE_TIME: Duration = Duration::from_secs(50);

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A connection that can carry one request at a time.
pub(super) type Connection = SendRequest<Full<Bytes>>;

/// Where the remote is and how to get there.
#[derive(Debug)]
pub(super) struct Connector {
    network: Arc<dyn Dial>,
    host: String,
    port: u16,
    /// Plain HTTP where there is none.
    tls: Option<LazyTls>,
}

/// TLS set up at the first connection: before the first poll of `next` nobody should wait for it.
#[derive(Debug)]
struct LazyTls {
    extra_roots: Option<PathBuf>,
    config: Mutex<Option<Arc<ClientConfig>>>,
}

/// Connections between requests, the most recently used last.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Moment,
}

// === impl Connector ===

impl Connector {
    /// A way to `address` over `network`.
    pub(super) fn new(network: Arc<dyn Dial>, address: &RemoteAddress, extra_roots: Option<PathBuf>) -> Self {
        let https = address.scheme() == Scheme::Https;
        let tls = https.then(|| LazyTls { extra_roots, config: Mutex::new(None) });
        Self { network, host: address.host().to_owned(), port: address.port(), tls }
    }

    /// Opens a connection and, with it, the task that drives it.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        let stream = self.network.dial(&self.host, self.port).await?;
        let Some(lazy) = &self.tls else { return handshake(stream).await };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connected = TlsConnector::from(lazy.config()?).connect(name, stream).await;
        handshake(Box::new(connected.map_err(tls::explained)?)).await
    }

    /// Forgets what was learnt from earlier handshakes, which clones of this environment may have learnt as well.
    pub(super) fn forget_sessions(&self) {
        if let Some(tls) = &self.tls {
            *tls.config.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

async fn handshake(stream: BoxStream) -> io::Result<Connection> {
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_HEAD);
    let (sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the remote ended badly");
        }
    });
    Ok(sender)
}

// === impl LazyTls ===

impl LazyTls {
    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*config {
            return Ok(Arc::clone(config));
        }
        let (built, problem) = tls::client_config(self.extra_roots.as_deref());
        if let Some(problem) = problem {
            tracing::error!("{problem}");
        }
        let built = built.map_err(io::Error::other)?;
        Ok(Arc::clone(config.insert(built)))
    }
}

// === impl Pool ===

impl Pool {
    /// The connection used last of those that are not known to be closed. It has yet to say that it is ready.
    pub(super) fn take(&self, now: Moment) -> Option<Connection> {
        let mut idle = self.lock();
        idle.retain(|idle| !idle.connection.is_closed() && now.since(&idle.since) < MAX_IDLE_TIME);
        idle.pop().map(|idle| idle.connection)
    }

    /// Keeps a connection whose latest answer has been read whole.
    pub(super) fn put(&self, connection: Connection, now: Moment) {
        let mut idle = self.lock();
        idle.retain(|idle| !idle.connection.is_closed());
        if idle.len() < MAX_IDLE && !connection.is_closed() {
            idle.push(Idle { connection, since: now });
        }
    }

    /// Closes all of them.
    pub(super) fn discard(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
