//! The network as far as the extension needs it, given by the caller: a test may give it one that loses packets.

mod race;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::blocking;

/// A name has no address that is known.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no address: {source} (check the name, and in a VPC that its DNS knows it)")]
struct LookupError {
    host: String,
    source: io::Error,
}

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

/// TCP of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

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

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    // The operating system's look-up blocks, for many seconds where nobody answers.
    let found = blocking::run(move || (name, port).to_socket_addrs()).await?;
    found
        .map(Iterator::collect)
        .map_err(|source| io::Error::new(source.kind(), LookupError { host: host.to_owned(), source }))
}

fn boxed(stream: TcpStream) -> BoxStream {
    // Messages are written whole: to wait for more would only delay them. Failing to say so costs no more than that.
    drop(stream.set_nodelay(true));
    Box::new(stream)
}
