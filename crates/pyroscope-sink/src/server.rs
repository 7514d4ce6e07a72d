//! Connections, and one arrival a request.

use std::{
    convert::Infallible,
    future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, header, request};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls::HandshakeKind};

use crate::{
    arrival::{Arrival, Arrivals},
    behaviour::{Answer, BodyFault, Greeting, Incoming, Loss, Reaction},
    connection::{self, Line, Link, Shared, Takeover},
    endpoint::Endpoint,
    options::Options,
    page::{self, Page},
    port::Port,
    refusal::Refusal,
    series::Series,
    wire::{End, Raw},
};

/// What all connections of a sink share.
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) arrivals: watch::Sender<Arrivals>,
    pub(crate) connections: AtomicUsize,
    /// TLS handshakes that took up an earlier session.
    pub(crate) resumptions: AtomicUsize,
    requests: AtomicUsize,
    links: Mutex<Vec<Weak<Link>>>,
}

/// Opens or closes the port, and tells when that is done.
pub(crate) struct Turn {
    pub(crate) open: bool,
    pub(crate) done: tokio::sync::oneshot::Sender<()>,
}

/// What becomes of a request, and what its client gets to know.
enum Fate {
    Answer(Answer),
    Hang,
    TakeOver(Raw),
}

// === impl Server ===

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            arrivals: watch::Sender::new(Arrivals::default()),
            connections: AtomicUsize::new(0),
            resumptions: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            links: Mutex::default(),
        }
    }

    /// Accepts connections until it is dropped, and with it all of them.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut port: Port,
        tls: Option<TlsAcceptor>,
        mut turns: mpsc::UnboundedReceiver<Turn>,
    ) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = port.accept() => {
                    // Out of descriptors, or gone before it was accepted: the next one may do better.
                    let Ok(stream) = accepted else { tokio::task::yield_now().await; continue };
                    let number = self.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(Arc::clone(&self).connection(stream, tls.clone(), number));
                }
                Some(_) = connections.join_next() => {}
                Some(turn) = turns.recv() => {
                    // A port that can't be had again ends the sink: nothing would ever arrive.
                    let Ok(turned) = port.turn(turn.open) else { return };
                    port = turned;
                    let _ = turn.done.send(());
                }
            }
        }
    }

    /// Stops to read from all open connections and to write to them, without a word to the clients.
    pub(crate) fn cut(&self) -> usize {
        let links: Vec<_> = self.links().drain(..).filter_map(|link| link.upgrade()).collect();
        for link in &links {
            link.cut();
        }
        links.len()
    }

    fn links(&self) -> MutexGuard<'_, Vec<Weak<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>, number: usize) {
        let _ = stream.set_nodelay(true);
        let link = Arc::new(Link::default());
        {
            let mut links = self.links();
            links.retain(|link| link.strong_count() > 0);
            links.push(Arc::downgrade(&link));
        }
        let stream = Line::new(stream, Arc::clone(&link));
        let mut conversation = pin!(self.converse(stream, tls, Arc::clone(&link), number));
        tokio::select! {
            () = &mut conversation => {}
            // The stream stays open with the conversation, which nobody drives any more.
            () = link.until_cut() => future::pending().await,
        }
    }

    async fn converse(
        self: Arc<Self>,
        stream: Line,
        tls: Option<TlsAcceptor>,
        link: Arc<Link>,
        number: usize,
    ) {
        let greeting = self.options.behaviour_now().greeting();
        match (greeting, tls) {
            (Greeting::Hang, _) => connection::ignore(stream).await,
            (Greeting::Reset, _) => stream.reset(),
            (Greeting::TlsAlert, _) => connection::refuse_tls(stream).await,
            (Greeting::Serve, None) => self.serve(stream, link, number).await,
            (Greeting::Serve, Some(acceptor)) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                        self.resumptions.fetch_add(1, Ordering::Relaxed);
                    }
                    self.serve(stream, link, number).await;
                }
            }
        }
    }

    async fn serve<S>(self: Arc<Self>, stream: S, link: Arc<Link>, number: usize)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Shared::new(stream);
        let takeover = {
            let asked = Arc::clone(&link);
            let service = service_fn(|request| {
                let (server, link) = (Arc::clone(&self), Arc::clone(&link));
                async move { Ok::<_, Infallible>(server.answer(request, number, &link).await) }
            });
            let builder = auto::Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = builder.serve_connection(TokioIo::new(stream.clone()), service) => return,
                takeover = asked.until_taken_over() => takeover,
            }
        };
        takeover.run(stream, &link).await;
    }

    async fn answer(
        &self,
        request: Request<body::Incoming>,
        connection: usize,
        link: &Link,
    ) -> Response<Full<Bytes>> {
        if let Some(page) = Page::at(request.method(), request.uri().path()) {
            return self.show(page, &request).await;
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let request = incoming(head, number, connection);
        let fault = self.options.behaviour_now().decide_body(&request);
        if let Some(fault) = fault {
            return self.spoil(request, body, fault, link).await;
        }
        let (request, broken) = self.read(request, body).await;
        let endpoint = Endpoint::at(&request.path);
        let verdict = match broken {
            Some(refusal) => Err(refusal),
            None => self.judge(&request, endpoint).await,
        };
        let (latency, reaction) = self.options.behaviour_now().decide(&request);
        let served = || match (&verdict, endpoint) {
            (Ok(_), Some(endpoint)) => endpoint.taken(&request),
            (Err(refusal), Some(endpoint)) => endpoint.refused(refusal),
            (_, None) => Answer::code(404).body("text/plain; charset=utf-8", "404 page not found\n"),
        };
        let (fate, stores) = match reaction {
            Reaction::Serve => match (&verdict, &self.options.forward) {
                (Ok(_), Some(forward)) => {
                    let answer = forward.send(&request).await;
                    let stores = answer.status_code().is_success();
                    (Fate::Answer(answer), stores)
                }
                _ => (Fate::Answer(served()), true),
            },
            Reaction::Answer(answer) => {
                let stores = answer.status_code().is_success();
                (Fate::Answer(answer), stores)
            }
            Reaction::Hang => (Fate::Hang, false),
            Reaction::LoseAnswer(Loss::Hang) => (Fate::Hang, true),
            Reaction::Reset => (Fate::TakeOver(Raw::new().end(End::Reset)), false),
            Reaction::LoseAnswer(Loss::Reset) => (Fate::TakeOver(Raw::new().end(End::Reset)), true),
            Reaction::Raw(raw) => {
                let stores = raw.stores;
                (Fate::TakeOver(raw), stores)
            }
        };
        let status = match &fate {
            Fate::Answer(answer) => Some(answer.status_code()),
            Fate::Hang | Fate::TakeOver(_) => None,
        };
        let answered = Arc::new(AtomicBool::new(false));
        let (series, refusal) = match verdict {
            Ok(series) => (series, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        self.record(Arrival {
            at: self.options.clock.now(),
            body_bytes: request.body.len(),
            request,
            status,
            stored: stores && refusal.is_none(),
            refusal,
            series,
            answered: Arc::clone(&answered),
        });
        tokio::time::sleep(latency).await;
        match fate {
            Fate::Answer(answer) => {
                answered.store(true, Ordering::Relaxed);
                return answer.into_response();
            }
            Fate::TakeOver(raw) => link.take_over(Takeover { raw, answered }),
            Fate::Hang => {}
        }
        future::pending().await
    }

    /// Answers somebody who looks: that is no arrival, and no behaviour is meant for it.
    async fn show(&self, page: Page, request: &Request<body::Incoming>) -> Response<Full<Bytes>> {
        let authorization = request.headers().get(header::AUTHORIZATION);
        if !self.options.may_look(authorization.and_then(|value| value.to_str().ok()).unwrap_or_default()) {
            return page::locked();
        }
        let query = request.uri().query().unwrap_or_default().to_owned();
        let (arrivals, counts_only) = (self.arrivals.borrow().clone(), self.options.counts_only);
        let drawn = tokio::task::spawn_blocking(move || page.answer(&query, &arrivals, counts_only)).await;
        drawn.unwrap_or_else(|_| Answer::code(500).into_response())
    }

    /// Deals with a request whose body is not to be read, or not to its end.
    async fn spoil(
        &self,
        request: Incoming,
        mut body: body::Incoming,
        fault: BodyFault,
        link: &Link,
    ) -> Response<Full<Bytes>> {
        let mut read = BytesMut::new();
        if let BodyFault::ResetAfter(bytes) = fault {
            while read.len() < bytes
                && let Some(Ok(frame)) = body.frame().await
            {
                read.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
            }
        }
        self.record(Arrival {
            at: self.options.clock.now(),
            body_bytes: read.len(),
            request,
            status: None,
            stored: false,
            refusal: Some(Refusal::BodyCut("the sink did not want it".to_owned())),
            series: Vec::new(),
            answered: Arc::default(),
        });
        if let BodyFault::ResetAfter(_) = fault {
            link.reset();
        }
        // The body is kept: were it dropped, the rest of it would be read.
        future::pending::<()>().await;
        drop(body);
        Response::default()
    }

    async fn read(&self, mut request: Incoming, body: body::Incoming) -> (Incoming, Option<Refusal>) {
        let limit = self.options.limits.body_bytes;
        let (body, broken) = match Limited::new(body, limit).collect().await {
            Ok(body) => (body.to_bytes(), None),
            Err(error) if error.is::<LengthLimitError>() => {
                (Bytes::new(), Some(Refusal::BodyTooLarge { limit }))
            }
            Err(error) => (Bytes::new(), Some(Refusal::BodyCut(error.to_string()))),
        };
        request.body = body;
        (request, broken)
    }

    async fn judge(&self, request: &Incoming, endpoint: Option<Endpoint>) -> Result<Vec<Series>, Refusal> {
        let endpoint = endpoint.ok_or_else(|| Refusal::UnknownPath(request.path.clone()))?;
        self.options.authenticate(request)?;
        endpoint.accept(request, &self.options.limits, self.options.clock.now()).await
    }

    fn record(&self, mut arrival: Arrival) {
        if self.options.counts_only {
            arrival.forget_contents();
        }
        self.arrivals.send_modify(|arrivals| arrivals.push(arrival));
    }
}

/// A request whose body is still to be read.
fn incoming(head: request::Parts, number: usize, connection: usize) -> Incoming {
    Incoming {
        number,
        connection,
        version: head.version,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body: Bytes::new(),
    }
}
