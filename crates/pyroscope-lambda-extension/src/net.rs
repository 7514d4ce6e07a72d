//! The network as far as the extension needs it, given by the caller: a test may give it one that loses packets.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::blocking;

/// How long one of several addresses of a host may take to answer: the others should have a chance, too.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_secs(1);

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
#[error(transparent)]
pub struct Unresolved(#[from] io::Error);

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
        let words = self.0.to_string();
        ["Temporary failure", "Try again"].iter().any(|transient| words.contains(transient))
    }
}

// === impl Tcp ===

impl Dial for Tcp {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let mut addresses = resolve(host, port).await?;
            let last = addresses.pop().ok_or(io::ErrorKind::AddrNotAvailable)?;
            for address in addresses {
                match timeout(NEXT_ADDRESS_AFTER, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => return Ok(boxed(stream)),
                    Ok(Err(error)) => {
                        tracing::debug!(%address, %error, "can't connect; trying the next address");
                    }
                    Err(_) => tracing::debug!(%address, "no answer; trying the next address"),
                }
            }
            Ok(boxed(TcpStream::connect(last).await?))
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
    let host = host.to_owned();
    let addresses = blocking::run(move || (host, port).to_socket_addrs()).await?;
    addresses.map(Iterator::collect).map_err(|error| io::Error::other(Unresolved(error)))
}

fn boxed(stream: TcpStream) -> BoxStream {
    // Messages are written whole: to wait for more would only delay them. Failing to say so costs no more than that.
    drop(stream.set_nodelay(true));
    Box::new(stream)
}
