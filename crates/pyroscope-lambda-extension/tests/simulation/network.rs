//! The extension's network: simulated, watched, and with connections that can be lost in silence.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pyroscope_lambda_extension::net::{BoxFuture, BoxStream, Dial, Listen};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

use crate::journal::Event;
use crate::remote::ARRIVAL;
use crate::world::{REMOTE, World};

/// The way out of the sandbox.
#[derive(Debug)]
pub(crate) struct Network(pub(crate) Arc<World>);

/// Where SDKs are listened to.
pub(crate) struct Loopback(pub(crate) TcpListener);

/// A connection to the remote. Once lost it takes what is written, gives nothing to read, and never ends, as when a
/// NAT has forgotten it.
struct Watched {
    stream: TcpStream,
    connection: u32,
    world: Arc<World>,
}

// === impl Network ===

impl Dial for Network {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            if host != REMOTE {
                return Ok(Box::new(TcpStream::connect((host, port)).await?) as BoxStream);
            }
            let connection = self.0.next_connection();
            self.0.tell(Event::Dialled);
            let stream = TcpStream::connect((host, port)).await?;
            Ok(Box::new(Watched { stream, connection, world: Arc::clone(&self.0) }) as BoxStream)
        })
    }
}

// === impl Loopback ===

impl Listen for Loopback {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move { Ok(Box::new(self.0.accept().await?.0) as BoxStream) })
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loopback")
    }
}

// === impl Watched ===

impl Watched {
    fn is_lost(&self) -> bool {
        self.world.is_lost(self.connection)
    }

    /// Which arrival is answered, if this is where an answer begins. Answers are small: a head comes in one piece.
    fn notice(&self, read: &[u8]) {
        let text = String::from_utf8_lossy(read);
        let Some((_, rest)) = text.split_once(&format!("{ARRIVAL}: ")) else { return };
        let number = rest.split('\r').next().and_then(|number| number.parse().ok());
        self.world.tell(Event::Answered(number.expect("the remote numbers its answers")));
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_lost() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.notice(&buf.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_lost() {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_lost() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
