//! The network as far as the extension needs it, given by the caller: a test may give it one that loses packets.

use std::fmt;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

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
        Box::pin(async move { Ok(boxed(TcpStream::connect((host, port)).await?)) })
    }
}

impl Listen for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move { Ok(boxed(Self::accept(self).await?.0)) })
    }
}

fn boxed(stream: TcpStream) -> BoxStream {
    // Messages are written whole: to wait for more would only delay them. Failing to say so costs no more than that.
    drop(stream.set_nodelay(true));
    Box::new(stream)
}
