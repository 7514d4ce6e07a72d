//! An HTTP proxy that sends everything to one server, whatever name was asked for, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::PATIENCE;
use super::http::Message;

/// What a proxy does with a request.
#[derive(Clone, Debug)]
pub enum ProxyAnswer {
    /// What it is asked for.
    Serves,
    /// Serves those with this value of `Proxy-Authorization`, and answers 407 to others.
    ServesOnly(&'static str),
    /// Answers with these bytes, and closes the connection after them.
    Bytes(&'static str),
    /// Nothing, and keeps the connection open.
    Hangs,
}

/// A proxy. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    requests: watch::Receiver<Vec<Message>>,
    serving: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    answer: ProxyAnswer,
    requests: watch::Sender<Vec<Message>>,
}

// === impl Proxy ===

impl Proxy {
    pub async fn to(server: SocketAddr, answer: ProxyAnswer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = watch::channel(Vec::new());
        let shared = Arc::new(Shared { server, answer, requests: sender });
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(Arc::clone(&shared).connection(stream));
            }
        });
        Self { address, requests, serving: serving.abort_handle() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Message> {
        self.requests.borrow().clone()
    }

    /// Waits for the first `count` requests.
    pub async fn asked(&self, count: usize) -> Vec<Message> {
        let mut requests = self.requests.clone();
        let enough = timeout(PATIENCE, requests.wait_for(|requests| requests.len() >= count)).await;
        enough.expect("requests in time").unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

// === impl Shared ===

impl Shared {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Ok(Some(request)) = Message::read(&mut stream).await {
            self.requests.send_modify(|requests| requests.push(request.clone()));
            let answer = match self.answer {
                ProxyAnswer::Serves => None,
                ProxyAnswer::ServesOnly(wanted) if request.header("proxy-authorization") == wanted => None,
                ProxyAnswer::ServesOnly(_) => Some("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
                ProxyAnswer::Bytes(bytes) => Some(bytes),
                ProxyAnswer::Hangs => std::future::pending().await,
            };
            let mut server = match answer {
                None => TcpStream::connect(self.server).await.unwrap(),
                Some(bytes) => {
                    drop(stream.write_all(bytes.as_bytes()).await);
                    return;
                }
            };
            if request.start.starts_with("CONNECT ") {
                drop(stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await);
                drop(copy_bidirectional(&mut stream, &mut server).await);
                return;
            }
            drop(server.write_all(&forwarded(&request)).await);
            let mut answer = Vec::new();
            drop(server.read_to_end(&mut answer).await);
            drop(stream.write_all(&answer).await);
        }
    }
}

/// The request as the server is sent it: with a path for its target, and without what was for the proxy.
fn forwarded(request: &Message) -> Vec<u8> {
    let path = request.target().splitn(4, '/').nth(3).unwrap_or_default();
    let sent = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("proxy-authorization"));
    let headers: Vec<_> = sent.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST /{path} HTTP/1.1\r\nConnection: close\r\n{}", headers.concat());
    [head.as_bytes(), b"\r\n", &request.body].concat()
}
