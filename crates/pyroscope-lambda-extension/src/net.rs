//! The network as far as the extension needs it, given by the caller: a test may give it one that loses packets.

mod race;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::blocking;

/// A connection, whatever carries it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

/// A connection on the heap.
pub type BoxStream = Box<dyn Stream>;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens connections.
pub trait Dial: fmt::Debug + Send + Sync {
    /// Connects to `host` (a name, or an address without brackets) at `port`.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxStream>>;
}

/// Waits for connections.
pub trait Listen: fmt::Debug + Send {
    /// The next connection.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>>;
}

/// A host's name has no address to be found.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no address: {source}")]
pub struct Unresolved {
    /// The name.
    pub host: String,
    /// What the operating system said.
    pub source: io::Error,
}

/// TCP of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

// === impl Unresolved ===

impl Unresolved {
    /// Whether it is for want of an answer rather than of the name. The C library's code is in its words alone: glibc's, and
    /// musl's.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let words = self.source.to_string();
        ["Temporary failure", "Try again"].iter().any(|transient| words.contains(transient))
    }
}

// === impl Tcp ===

impl Dial for Tcp {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let addresses = race::interleaved(resolve(host, port).await?);
            race::race(addresses, |address| {
                Box::pin(async move { Ok(boxed(TcpStream::connect(address).await?)) })
            })
            .await
        })
    }
}

impl Listen for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move { Ok(boxed(Self::accept(self).await?.0)) })
    }
}

/// The addresses of `host`: a name, or an address without brackets.
///
/// # Errors
/// [`Unresolved`] inside, where none is to be found.
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    // The operating system's look-up blocks, for many seconds where nobody answers.
    let found = blocking::run(move || (name, port).to_socket_addrs()).await?;
    found
        .map(Iterator::collect)
        .map_err(|source| io::Error::new(source.kind(), Unresolved { host: host.to_owned(), source }))
}

fn boxed(stream: TcpStream) -> BoxStream {
    // Messages are written whole: to wait for more would only delay them. Failing to say so costs no more than that.
    drop(stream.set_nodelay(true));
    Box::new(stream)
}
