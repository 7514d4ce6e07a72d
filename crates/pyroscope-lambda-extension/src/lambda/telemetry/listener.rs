//! Where the platform posts telemetry to.
//!
//! It is answered 200 whatever it posts: anything else would have it post the same again and again. Nothing is logged
//! for what comes in.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::{RuntimeDone, item};

/// The port that Lambda keeps for itself.
const RESERVED_PORT: u16 = 9001;

/// Connections at once; the platform has one. When one too many comes, the oldest goes.
const CONNECTIONS: usize = 16;

/// How much of a batch is kept to be read, in bytes: more than the platform was asked to collect. The rest is let pass.
const BATCH_LIMIT: usize = 1024 * 1024;

/// A batch is taken as it is after this many waits of [`STALL_WAIT`] in a row without a byte.
const STALL_WAITS: u32 = 2;

/// One wait for more of a batch. A freeze lets one of them pass at most.
const STALL_WAIT: Duration = Duration::from_secs(5);

/// A server for the platform to post telemetry to.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    port: u16,
}

// === impl Listener ===

impl Listener {
    /// Listens on a port that is free.
    ///
    /// It does so on every address: the platform posts to `sandbox.localdomain`, the name of the environment's own address,
    /// which is not the loopback one. The name itself is not asked for, as emulators don't know it. Nobody but the
    /// platform and the function can reach the environment.
    ///
    /// # Errors
    /// Where there is no port.
    pub async fn bind() -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut listener = TcpListener::bind(any).await?;
        if listener.local_addr()?.port() == RESERVED_PORT {
            listener = TcpListener::bind(any).await?; // another one, as the first is still held
        }
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Tells `runtime_done` what is posted, until it is dropped.
    pub async fn serve(self, runtime_done: Arc<RuntimeDone>) {
        let mut open: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    open.retain(|connection| !connection.is_finished());
                    if open.len() >= CONNECTIONS
                        && let Some(oldest) = open.pop_front()
                    {
                        oldest.abort();
                    }
                    let task = tokio::spawn(connection(stream, Arc::clone(&runtime_done)));
                    open.push_back(task.abort_handle());
                }
                // Out of descriptors, most likely: busy-looping would starve the function beside us.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

async fn connection(stream: TcpStream, runtime_done: Arc<RuntimeDone>) {
    drop(stream.set_nodelay(true));
    let service = service_fn(|request: Request<Incoming>| {
        let runtime_done = &runtime_done;
        async move {
            let batch = read(request.into_body()).await;
            runtime_done.heard(item::finished(&batch));
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    // No timer, so no timeout between requests: after a thaw it would be overdue, and the platform would find the
    // connection closed.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// Reads a body to its end, but keeps no more of it than the limit.
async fn read(body: Incoming) -> Bytes {
    let mut batch = BytesMut::new();
    let mut body = pin!(body);
    while let Some(Ok(frame)) = unless_stalled(body.frame()).await.flatten() {
        let Ok(chunk) = frame.into_data() else { continue };
        let room = BATCH_LIMIT - batch.len();
        batch.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
    }
    batch.freeze()
}

/// Waits for `future` in several short waits, so that a freeze, which makes one of them overdue, does not use them up.
async fn unless_stalled<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..STALL_WAITS {
        if let Ok(output) = timeout(STALL_WAIT, &mut future).await {
            return Some(output);
        }
    }
    None
}
