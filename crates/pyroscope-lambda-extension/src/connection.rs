//! Connections to servers over HTTP/1.1: direct or through a proxy, in the clear or over TLS, and kept while they live.
//!
//! # Layout
//! - `route`: which way to a server: pure
//! - [`progress`]: how far an attempt has come
//! - `tunnel`: the way through a proxy with `CONNECT`
//! - `tls`: whom to trust, and what to show
//! - `pool`: connections between requests

mod pool;
pub mod progress;
mod route;
mod tls;
mod tunnel;

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

pub use self::pool::Pool;
use self::progress::Progress;
use self::route::{Forwarding, Route};
use self::tls::Tls;
pub use self::tls::is_about_our_certificate;
pub use self::tunnel::TunnelError;
use crate::config::{BadProxy, NetworkSettings, Proxy, RemoteAddress, Scheme};
use crate::net::{BoxStream, Dial};

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Where a server is and how to get there.
#[derive(Debug)]
pub struct Connector {
    network: Arc<dyn Dial>,
    server: RemoteAddress,
    route: Route,
    tls: Tls,
}

/// A connection that can carry one request at a time.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Where a proxy has to be told what it is to forward.
    forwarding: Option<Arc<Forwarding>>,
}

/// The exchange broke off before the answer. Its text has all that is known of it, not just what came last.
#[derive(Debug, thiserror::Error)]
#[error("{}", chain(.0))]
pub struct ExchangeError(#[from] hyper::Error);

// === impl Connector ===

impl Connector {
    /// The way over `network` to the server at `address`, of which `base_path` and user mean nothing here.
    ///
    /// Nothing is read from the disk before the first connection.
    ///
    /// # Errors
    /// Where the server is to be reached through a proxy that can't be used.
    pub fn try_new(
        network: Arc<dyn Dial>,
        address: &RemoteAddress,
        settings: &NetworkSettings,
    ) -> Result<Self, BadProxy> {
        let route = Route::choose(address, settings.proxies.proxy_for(address)?);
        Ok(Self { network, server: address.clone(), route, tls: Tls::new(&settings.tls) })
    }

    /// The proxy on the way, where there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.route.proxy()
    }

    /// The proxy on the way, where it reads the requests and may answer them in the server's place.
    #[must_use]
    pub fn forwarding_proxy(&self) -> Option<&Proxy> {
        self.route.forwarding().map(|forwarding| forwarding.proxy())
    }

    /// Opens a connection and, with it, the task that drives it; `progress` tells how far it came. How long
    /// that may take is for the caller to say.
    ///
    /// # Errors
    /// Where the server or the proxy can't be reached, refuses, or is not who it should be.
    pub async fn connect(&self, progress: &Progress) -> io::Result<Connection> {
        progress.dial();
        let stream = match &self.route {
            Route::Direct => self.network.dial(self.server.host(), self.server.port()).await?,
            Route::Tunnel(proxy) => {
                tunnel::through(proxy, &self.server, self.dial_proxy(proxy).await?).await?
            }
            Route::Forward(forwarding) => self.dial_proxy(forwarding.proxy()).await?,
        };
        progress.connect();
        let stream = self.secured(stream, &self.server).await?;
        progress.secure();
        Connection::start(stream, self.route.forwarding().cloned()).await
    }

    /// Forgets what was learnt from earlier handshakes, which clones of this environment may have learnt as well.
    pub fn forget_sessions(&self) {
        self.tls.forget();
    }

    async fn dial_proxy(&self, proxy: &Proxy) -> io::Result<BoxStream> {
        let address = proxy.address();
        let dial = async {
            let stream = self.network.dial(address.host(), address.port()).await?;
            self.secured(stream, address).await
        };
        dial.await.map_err(|source| TunnelError::unreachable(proxy, source).into_io())
    }

    /// Puts TLS around `stream` where `address` is one for it.
    async fn secured(&self, stream: BoxStream, address: &RemoteAddress) -> io::Result<BoxStream> {
        match address.scheme() {
            Scheme::Http => Ok(stream),
            Scheme::Https => self.tls.connect(address.host(), stream).await,
        }
    }
}

// === impl ExchangeError ===

impl ExchangeError {
    /// Whether what came was not HTTP.
    #[must_use]
    pub fn is_parse(&self) -> bool {
        self.0.is_parse()
    }

    /// Whether the server does not take our certificate. That is heard only after the handshake.
    #[must_use]
    pub fn is_about_our_certificate(&self) -> bool {
        let cause = self.0.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        let tls = cause.and_then(|cause| cause.get_ref()?.downcast_ref());
        tls.is_some_and(is_about_our_certificate)
    }
}

// === impl Connection ===

impl Connection {
    async fn start(stream: BoxStream, forwarding: Option<Arc<Forwarding>>) -> io::Result<Self> {
        let mut client = http1::Builder::new();
        client.max_buf_size(MAX_HEAD);
        let (sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
        Ok(Self { sender, forwarding })
    }

    /// Waits until it can take a request.
    ///
    /// # Errors
    /// Where it is closed.
    pub async fn ready(&mut self) -> Result<(), ExchangeError> {
        Ok(self.sender.ready().await?)
    }

    /// Sends a request, whose target is a path and perhaps a query, and waits for the head of the answer.
    ///
    /// # Errors
    /// Where the connection ends before that.
    pub async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, ExchangeError> {
        if let Some(forwarding) = &self.forwarding {
            forwarding.address(&mut request);
        }
        Ok(self.sender.send_request(request).await?)
    }

    /// Whether it is known to be closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// An error with all that led to it, as one line.
fn chain(error: &dyn Error) -> impl fmt::Display + '_ {
    struct Chain<'a>(&'a dyn Error);
    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", self.0)?;
            self.0.source().map_or(Ok(()), |cause| write!(f, ": {}", Chain(cause)))
        }
    }
    Chain(error)
}
