//! An Extensions API that answers as it is told, and keeps what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::PATIENCE;
use super::http::Message;

/// The identifier that it gives to whoever registers.
pub const IDENTIFIER: &str = "0b57ac1e-identifier-of-the-extension";

/// What a call is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 200 with this body.
    Body(String),
    /// This status and this body.
    Status(u16, &'static str),
    /// These bytes; the connection ends after them.
    Bytes(&'static str),
}

#[derive(Debug)]
pub struct Platform {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: watch::Sender<Vec<Message>>,
    /// For register; once it is empty the call succeeds.
    registrations: Mutex<VecDeque<Reply>>,
    /// For `next`; while it is empty the call waits.
    events: watch::Sender<VecDeque<Reply>>,
    /// How many calls of `next` have been answered.
    said: watch::Sender<usize>,
    /// A port to knock at when a registration comes, and whether somebody answered.
    knock: Mutex<Option<(u16, bool)>>,
}

// === impl Platform ===

impl Platform {
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    pub async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&served).connection(stream));
            }
        });
        Self { address, shared, serving }
    }

    /// Answers the next registration so.
    pub fn registers(&self, reply: Reply) {
        self.shared.registrations.lock().unwrap().push_back(reply);
    }

    /// Answers the next call of `next` that has no answer yet so.
    pub fn event(&self, reply: Reply) {
        self.shared.events.send_modify(|events| events.push_back(reply));
    }

    /// Sends an INVOKE whose deadline is a minute away.
    pub fn invoke(&self) {
        let deadline_ms = epoch_ms() + 60_000;
        self.event(Reply::Body(format!(
            r#"{{"eventType":"INVOKE","deadlineMs":{deadline_ms},"requestId":"8476a536","invokedFunctionArn":"arn:aws:lambda:x","tracing":{{"type":"X-Amzn-Trace-Id","value":"Root=1"}}}}"#
        )));
    }

    /// Sends a SHUTDOWN.
    pub fn shutdown(&self, within: Duration) {
        let deadline_ms = epoch_ms() + within.as_millis();
        self.event(Reply::Body(format!(
            r#"{{"eventType":"SHUTDOWN","deadlineMs":{deadline_ms},"shutdownReason":"spindown"}}"#
        )));
    }

    /// When a registration comes, sees whether somebody listens on `port`.
    pub fn knock_at(&self, port: u16) {
        *self.shared.knock.lock().unwrap() = Some((port, false));
    }

    /// Whether somebody did.
    pub fn was_open(&self) -> bool {
        self.shared.knock.lock().unwrap().is_some_and(|(_, open)| open)
    }

    /// The calls so far to paths that end in `end`.
    pub fn calls(&self, end: &str) -> Vec<Message> {
        let calls = self.shared.calls.borrow();
        calls.iter().filter(|call| call.target().ends_with(end)).cloned().collect()
    }

    /// Waits for call number `count` to a path that ends in `end`, and gives that call.
    pub async fn called(&self, end: &str, count: usize) -> Message {
        let mut calls = self.shared.calls.subscribe();
        let of_path =
            |calls: &Vec<Message>| calls.iter().filter(|call| call.target().ends_with(end)).count() >= count;
        let waited = timeout(PATIENCE, calls.wait_for(of_path)).await.map(drop);
        waited.unwrap_or_else(|_| panic!("{end} was not called {count} times: {:#?}", self.calls("")));
        self.calls(end).swap_remove(count - 1)
    }

    /// Waits until it has been asked for an event for the `count`th time.
    pub async fn asked(&self, count: usize) -> Message {
        self.called("/extension/event/next", count).await
    }

    /// Waits until `count` calls of `next` have been answered.
    pub async fn said(&self, count: usize) {
        let mut said = self.shared.said.subscribe();
        timeout(PATIENCE, said.wait_for(|said| *said >= count)).await.unwrap().unwrap();
    }

    /// Waits until somebody has tried to register for the `count`th time.
    pub async fn registered(&self, count: usize) -> Message {
        self.called("/extension/register", count).await
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

// === impl Shared ===

impl Shared {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Ok(Some(call)) = Message::read(&mut stream).await {
            let path = call.target().to_owned();
            let reply = if path.ends_with("/extension/register") {
                self.knock().await;
                self.calls.send_modify(|calls| calls.push(call));
                self.registrations.lock().unwrap().pop_front()
            } else {
                self.calls.send_modify(|calls| calls.push(call));
                if path.ends_with("/extension/event/next") { Some(self.next().await) } else { None }
            };
            let reply = reply.unwrap_or_else(|| Reply::Body("{}".to_owned()));
            let written = stream.write_all(reply.bytes().as_bytes()).await;
            if path.ends_with("/extension/event/next") {
                self.said.send_modify(|said| *said += 1);
            }
            if written.is_err() || matches!(reply, Reply::Bytes(_)) {
                return;
            }
        }
    }

    async fn next(&self) -> Reply {
        let mut events = self.events.subscribe();
        loop {
            let mut next = None;
            self.events.send_if_modified(|events| {
                next = events.pop_front();
                false
            });
            match next {
                Some(reply) => return reply,
                None => events.changed().await.unwrap(),
            }
        }
    }

    async fn knock(&self) {
        let port = self.knock.lock().unwrap().map(|(port, _)| port);
        if let Some(port) = port {
            let open = TcpStream::connect(("127.0.0.1", port)).await.is_ok();
            *self.knock.lock().unwrap() = Some((port, open));
        }
    }
}

// === impl Reply ===

impl Reply {
    fn bytes(&self) -> String {
        let (status, body) = match self {
            Self::Bytes(bytes) => return (*bytes).to_owned(),
            Self::Body(body) => (200, body.as_str()),
            Self::Status(status, body) => (*status, *body),
        };
        format!(
            "HTTP/1.1 {status} X\r\nLambda-Extension-Identifier: {IDENTIFIER}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

fn epoch_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}
