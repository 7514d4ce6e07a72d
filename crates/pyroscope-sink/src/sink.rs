//! A running receiver and what can be asked of it.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::rustls;

use crate::{
    arrival::{Arrivals, MergedSeries, Totals},
    behaviour::Behaviour,
    flame::{FlameGraphError, Top},
    options::Options,
    port::Port,
    selection::{Merged, Selection},
    server::{Server, Turn},
    tls::Tls,
};

/// A running Pyroscope-compatible receiver. Dropping it closes its port and its connections.
pub struct Sink {
    address: SocketAddr,
    ca_pem: Option<String>,
    server: Arc<Server>,
    turns: mpsc::UnboundedSender<Turn>,
    accepting: JoinHandle<()>,
}

/// Why a sink can't start or write its certificate.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address can't be listened at.
    #[error("{address}: cannot listen: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("TLS: cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The key made for the certificate can't be read back.
    #[error("TLS: the key of the certificate is not one that the server can use")]
    PrivateKey,
    /// The authority of clients is none.
    #[error("TLS: the authority of clients can't be used: {0}")]
    ClientAuthority(String),
    /// The certificate doesn't suit the TLS library.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// There is no certificate authority to write.
    #[error("there is no certificate authority; start the sink with TLS")]
    NoAuthority,
    /// The certificate authority can't be written.
    #[error("{path}: cannot write the certificate authority: {source}")]
    WriteAuthority {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What was waited for did not come in time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("waited {waited:?} in vain; arrived until then: {totals:?}")]
pub struct WaitTimeout {
    /// How long the wait was.
    pub waited: Duration,
    /// What had arrived by then.
    pub totals: Totals,
}

// === impl Sink ===

impl Sink {
    /// Binds the address and serves from now on, on the current tokio runtime.
    #[allow(clippy::unused_async, reason = "it needs the runtime that an async caller has")]
    pub async fn start(options: Options) -> Result<Self, SinkError> {
        let listen = |source| SinkError::Listen { address: options.listen, source };
        let port = Port::open(options.listen).map_err(listen)?;
        let address = port.address().map_err(listen)?;
        let tls = if options.tls { Some(Tls::for_address(address.ip(), &options)?) } else { None };
        let (acceptor, ca_pem) = tls.map_or((None, None), |tls| (Some(tls.acceptor), Some(tls.ca_pem)));
        let server = Arc::new(Server::new(options));
        let (turns, turned) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(Arc::clone(&server).run(port, acceptor, turned));
        Ok(Self { address, ca_pem, server, turns, accepting })
    }

    /// The address it listens at.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate that a client must trust, as PEM; `None` without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Writes [`Sink::ca_pem`] to a file, such as one that `SSL_CERT_FILE` names.
    pub fn write_ca_pem(&self, path: impl AsRef<Path>) -> Result<(), SinkError> {
        let path = path.as_ref();
        let pem = self.ca_pem().ok_or(SinkError::NoAuthority)?;
        std::fs::write(path, pem)
            .map_err(|source| SinkError::WriteAuthority { path: path.to_owned(), source })
    }

    /// Behaves like this from the next request on; what was left of the old script is dropped.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.server.options.behaviour_now() = behaviour;
    }

    /// Refuses new connections from now on; those that are open stay.
    pub async fn refuse_connections(&self) {
        self.turn(false).await;
    }

    /// Accepts connections again, on the same port.
    pub async fn accept_connections(&self) {
        self.turn(true).await;
    }

    async fn turn(&self, open: bool) {
        let (done, turned) = oneshot::channel();
        // A sink whose port is lost serves nobody, which is what its clients will notice.
        let _ = self.turns.send(Turn { open, done });
        let _ = turned.await;
    }

    /// Drops all open connections as a NAT does: nothing is read or written any more, and no client is told.
    /// Says how many there were.
    #[must_use]
    pub fn drop_connections(&self) -> usize {
        self.server.cut()
    }

    /// How many connections were opened to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections.load(Ordering::Relaxed)
    }

    /// How many TLS connections took up an earlier session, which spares most of the handshake.
    #[must_use]
    pub fn resumptions(&self) -> usize {
        self.server.resumptions.load(Ordering::Relaxed)
    }

    /// All requests so far.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        self.server.arrivals.borrow().clone()
    }

    /// The accepted series so far, merged where all labels but the session id agree.
    #[must_use]
    pub fn series(&self) -> Vec<MergedSeries> {
        self.server.arrivals.borrow().series()
    }

    /// The sums so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.server.arrivals.borrow().totals()
    }

    /// A view that can be awaited for each new arrival.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arrivals> {
        self.server.arrivals.subscribe()
    }

    /// Waits until the arrivals satisfy `predicate`, for at most `most`, and gives them.
    pub async fn wait_until(
        &self,
        mut predicate: impl FnMut(&Arrivals) -> bool,
        most: Duration,
    ) -> Result<Arrivals, WaitTimeout> {
        let mut watch = self.watch();
        let found = timeout(most, watch.wait_for(|arrivals| predicate(arrivals))).await;
        match found {
            Ok(Ok(arrivals)) => Ok(arrivals.clone()),
            // The sender lives as long as the sink, so that only time can run out.
            Ok(Err(_)) | Err(_) => Err(WaitTimeout { waited: most, totals: self.totals() }),
        }
    }

    /// The stacks of a selection, merged.
    #[must_use]
    pub fn merged(&self, selection: &Selection) -> Merged {
        selection.merge(&self.server.arrivals.borrow())
    }

    /// The folded stacks of a selection: lines of `root;…;leaf value`.
    #[must_use]
    pub fn folded(&self, selection: &Selection) -> String {
        self.merged(selection).folded()
    }

    /// The flame graph of a selection, as SVG.
    pub fn flame_graph(&self, selection: &Selection) -> Result<String, FlameGraphError> {
        self.merged(selection).flame_graph()
    }

    /// The functions of a selection that cost most, by their own values.
    #[must_use]
    pub fn top(&self, selection: &Selection, most: usize) -> Top {
        self.merged(selection).top(most)
    }

    /// Closes the port and all connections, and waits until they are closed.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // The abort itself is the error.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
