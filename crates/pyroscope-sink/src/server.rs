//! Connections, and one arrival a request.

use std::{
    convert::Infallible,
    future, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    arrival::{Arrival, Arrivals},
    behaviour::{Answer, Incoming, Reaction},
    endpoint::Endpoint,
    options::Options,
    refusal::Refusal,
    series::Series,
};

/// What all connections of a sink share.
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) arrivals: watch::Sender<Arrivals>,
    pub(crate) connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A connection that can be reset rather than closed.
struct Line {
    stream: TcpStream,
    reset: Arc<Reset>,
}

/// Asks for the reset of one connection.
#[derive(Default)]
struct Reset {
    asked: AtomicBool,
    wake: Notify,
}

// === impl Server ===

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            arrivals: watch::Sender::new(Arrivals::default()),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        }
    }

    /// Accepts connections until it is dropped, and with it all of them.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // Out of descriptors, or gone before it was accepted: the next one may do better.
                    let Ok((stream, _)) = accepted else { tokio::task::yield_now().await; continue };
                    let number = self.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(Arc::clone(&self).connection(stream, tls.clone(), number));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>, number: usize) {
        let _ = stream.set_nodelay(true);
        let reset = Arc::new(Reset::default());
        let line = Line { stream, reset: Arc::clone(&reset) };
        match tls {
            None => self.serve(line, reset, number).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(line).await {
                    self.serve(stream, reset, number).await;
                }
            }
        }
    }

    async fn serve<S>(self: Arc<Self>, stream: S, reset: Arc<Reset>, number: usize)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::clone(&reset);
        let service = service_fn(move |request| {
            let (server, reset) = (Arc::clone(&self), Arc::clone(&reset));
            async move { Ok::<_, Infallible>(server.answer(request, number, &reset).await) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        tokio::select! {
            _ = builder.serve_connection(TokioIo::new(stream), service) => {}
            () = asked.wake.notified() => {}
        }
    }

    async fn answer(
        &self,
        request: Request<body::Incoming>,
        connection: usize,
        reset: &Reset,
    ) -> Response<Full<Bytes>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (request, broken) = self.read(request, number, connection).await;
        let endpoint = Endpoint::at(&request.path);
        let verdict = match broken {
            Some(refusal) => Err(refusal),
            None => self.judge(&request, endpoint).await,
        };
        let (latency, reaction) = self.options.behaviour_now().decide(&request);
        let resets = reaction == Reaction::Reset;
        let answer = match reaction {
            Reaction::Answer(answer) => Some(answer),
            Reaction::Hang | Reaction::Reset => None,
            Reaction::Serve => Some(match (&verdict, endpoint) {
                (Ok(_), Some(endpoint)) => endpoint.taken(&request),
                (Err(refusal), Some(endpoint)) => endpoint.refused(refusal),
                (_, None) => Answer::code(404).body("text/plain; charset=utf-8", "404 page not found\n"),
            }),
        };
        self.record(request, verdict, answer.as_ref());
        tokio::time::sleep(latency).await;
        if let Some(answer) = answer {
            return answer.into_response();
        }
        if resets {
            reset.ask();
        }
        future::pending().await
    }

    async fn read(
        &self,
        request: Request<body::Incoming>,
        number: usize,
        connection: usize,
    ) -> (Incoming, Option<Refusal>) {
        let (head, body) = request.into_parts();
        let limit = self.options.limits.body_bytes;
        let (body, broken) = match Limited::new(body, limit).collect().await {
            Ok(body) => (body.to_bytes(), None),
            Err(error) if error.is::<LengthLimitError>() => {
                (Bytes::new(), Some(Refusal::BodyTooLarge { limit }))
            }
            Err(error) => (Bytes::new(), Some(Refusal::BodyCut(error.to_string()))),
        };
        let request = Incoming {
            number,
            connection,
            version: head.version,
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
        };
        (request, broken)
    }

    async fn judge(&self, request: &Incoming, endpoint: Option<Endpoint>) -> Result<Vec<Series>, Refusal> {
        let endpoint = endpoint.ok_or_else(|| Refusal::UnknownPath(request.path.clone()))?;
        self.options.authenticate(request)?;
        endpoint.accept(request, &self.options.limits, self.options.clock.now()).await
    }

    fn record(&self, request: Incoming, verdict: Result<Vec<Series>, Refusal>, answer: Option<&Answer>) {
        let (series, refusal) = match verdict {
            Ok(series) => (series, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        let arrival = Arrival {
            at: self.options.clock.now(),
            request,
            status: answer.map(Answer::status_code),
            refusal,
            series,
        };
        self.arrivals.send_modify(|arrivals| arrivals.push(arrival));
    }
}

// === impl Reset ===

impl Reset {
    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

// === impl Line ===

impl Drop for Line {
    fn drop(&mut self) {
        if self.reset.asked.load(Ordering::Relaxed) {
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
