//! A connection that knows whether a request's head is on its way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::BoxStream;

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

/// What a connection is at, shared with the one that reads from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage(Arc<AtomicU8>);

/// A stream that tells its [`Stage`] of the first byte of a head.
pub(super) struct Watched {
    stream: BoxStream,
    stage: Stage,
}

/// From a whole head to its answer.
pub(super) struct Answering<'a>(&'a Stage);

// === impl Stage ===

impl Stage {
    /// Whether a head has begun and is not whole.
    pub(super) fn is_head(&self) -> bool {
        self.0.load(Ordering::Relaxed) == HEAD
    }

    /// A head is whole; what is read from now on is a body, until the answer is made.
    pub(super) fn answering(&self) -> Answering<'_> {
        self.0.store(BUSY, Ordering::Relaxed);
        Answering(self)
    }

    fn read(&self) {
        let _ = self.0.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed);
    }
}

// === impl Answering ===

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Relaxed);
    }
}

// === impl Watched ===

impl Watched {
    pub(super) const fn new(stream: BoxStream, stage: Stage) -> Self {
        Self { stream, stage }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.stage.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
