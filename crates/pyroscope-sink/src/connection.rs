//! One connection: a stream that can be reset, taken over from the HTTP server, or dropped in silence.

use std::{
    future, io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use crate::wire::{End, Raw, Step};

/// What else happens on a connection than HTTP; each connection has one.
#[derive(Default)]
pub(crate) struct Link {
    /// Closing it sends a RST in place of a FIN.
    reset: AtomicBool,
    /// It is as if the cable were cut.
    cut: Notify,
    taken_over: Notify,
    takeover: Mutex<Option<Takeover>>,
}

/// Bytes of our own, from here to the end of a connection.
pub(crate) struct Takeover {
    pub(crate) raw: Raw,
    /// Told when the answer is out.
    pub(crate) answered: Arc<AtomicBool>,
}

/// A TCP stream that is reset where its link says so.
pub(crate) struct Line {
    stream: TcpStream,
    link: Arc<Link>,
}

/// A stream that outlives the HTTP server that was given it.
pub(crate) struct Shared<S>(Arc<Mutex<S>>);

// === impl Link ===

impl Link {
    /// Nothing is read or sent any more, and the client is not told.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    pub(crate) async fn until_cut(&self) {
        self.cut.notified().await;
    }

    /// Ends the connection with a RST.
    pub(crate) fn reset(&self) {
        let raw = Raw::new().end(End::Reset);
        self.take_over(Takeover { raw, answered: Arc::default() });
    }

    /// From now on these bytes and no others.
    pub(crate) fn take_over(&self, takeover: Takeover) {
        *self.takeover.lock().unwrap_or_else(PoisonError::into_inner) = Some(takeover);
        self.taken_over.notify_one();
    }

    pub(crate) async fn until_taken_over(&self) -> Takeover {
        loop {
            self.taken_over.notified().await;
            if let Some(takeover) = self.takeover.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return takeover;
            }
        }
    }
}

// === impl Takeover ===

impl Takeover {
    /// Sends what is to be sent, and ends the connection as is to be done.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S, link: &Link) {
        let sent = self.send(&mut stream).await;
        match self.raw.end {
            End::Close => drop(stream.shutdown().await),
            End::Reset => link.reset.store(true, Ordering::Relaxed),
            // Until the client closes it, where it hasn't done so already.
            End::Hang if sent.is_ok() => wait_for_end(&mut stream).await,
            End::Hang => {}
        }
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> io::Result<()> {
        for step in &self.raw.steps {
            match step {
                Step::Send(bytes) => write(stream, bytes).await?,
                Step::Answered => self.answered.store(true, Ordering::Relaxed),
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        write(stream, &[*byte]).await?;
                        tokio::time::sleep(*pause).await;
                    }
                }
                Step::DripForEver(byte, pause) => drip_for_ever(stream, *byte, *pause).await?,
            }
        }
        Ok(())
    }
}

async fn drip_for_ever<S>(stream: &mut S, byte: u8, pause: Duration) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        write(stream, &[byte]).await?;
        tokio::time::sleep(pause).await;
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn wait_for_end<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
}

/// Answers a TLS handshake with the alert `handshake_failure` (RFC 8446, section 6).
pub(crate) async fn refuse_tls(mut line: Line) {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
    let mut hello = [0; 4096];
    if line.read(&mut hello).await.is_ok_and(|length| length > 0) {
        let _ = write(&mut line, &ALERT).await;
        let _ = line.shutdown().await;
        wait_for_end(&mut line).await;
    }
}

/// Keeps a connection open and does nothing with it.
pub(crate) async fn ignore(line: Line) {
    let _open = line;
    future::pending::<()>().await;
}

// === impl Line ===

impl Line {
    pub(crate) fn new(stream: TcpStream, link: Arc<Link>) -> Self {
        Self { stream, link }
    }

    /// Closes it with a RST.
    pub(crate) fn reset(self) {
        self.link.reset.store(true, Ordering::Relaxed);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.link.reset.load(Ordering::Relaxed) {
            // With no time to linger, closing sends a RST in place of a FIN.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

// === impl Shared ===

impl<S> Shared<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shared<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shared<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(context)
    }
}
