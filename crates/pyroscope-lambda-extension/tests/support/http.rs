//! HTTP/1.1 over bare sockets: what is sent is what the test wrote, byte for byte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::time::timeout;

use super::PATIENCE;

/// A request or an answer.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A connection of a client.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

/// A server that gives every request the same answer.
#[derive(Debug)]
pub struct Answering {
    pub address: SocketAddr,
    pub requests: watch::Receiver<Vec<Message>>,
}

/// An address that answers no attempt at a connection, as behind a firewall that drops packets.
#[derive(Debug)]
pub struct Blackhole {
    pub address: SocketAddr,
    _listener: TcpListener,
    /// They fill its queue.
    _connections: Vec<TcpStream>,
}

/// A POST as bytes, with a `Host` and a `Content-Length`.
pub fn post(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost:4040\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

// === impl Message ===

impl Message {
    /// Reads one; `None` where the connection ended before it.
    pub async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if message.start.is_empty() {
                message.start = line;
            } else if line.is_empty() {
                break;
            } else {
                let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                message.headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        message.body = vec![0; message.header("content-length").parse().unwrap_or(0)];
        stream.read_exact(&mut message.body).await?;
        Ok(Some(message))
    }

    /// All values of a header, joined; empty where it is absent.
    pub fn header(&self, name: &str) -> String {
        let named = self.headers.iter().filter(|(has, _)| has.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The status of an answer.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The target of a request.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

// === impl Blackhole ===

impl Blackhole {
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = Vec::new();
        // A packet for a queue that is full is dropped: the system tries again for longer than this.
        while let Ok(connected) = timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
            connections.push(connected.unwrap());
        }
        Self { address, _listener: listener, _connections: connections }
    }
}

// === impl Connection ===

impl Connection {
    pub async fn open(address: impl ToSocketAddrs) -> Self {
        let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
        Self(BufReader::new(connected.expect("a connection in time").unwrap()))
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.unwrap();
    }

    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// Says that nothing more will be sent.
    pub async fn close_half(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// The next answer; `None` where the connection is closed instead.
    pub async fn try_answer(&mut self) -> Option<Message> {
        timeout(PATIENCE, Message::read(&mut self.0)).await.expect("an answer in time").ok().flatten()
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Message {
        self.try_answer().await.expect("an answer")
    }

    /// Sends a POST and waits for its answer.
    pub async fn post(&mut self, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Message {
        self.write(post(target, headers, body)).await;
        self.answer().await
    }
}

// === impl Answering ===

impl Answering {
    pub async fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, requests) = watch::channel(Vec::new());
        let (seen, answer) = (Arc::new(seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    while let Ok(Some(request)) = Message::read(&mut stream).await {
                        seen.send_modify(|seen| seen.push(request));
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// Waits for the first `count` requests.
    pub async fn requests(&self, count: usize) -> Vec<Message> {
        let mut requests = self.requests.clone();
        let enough = timeout(PATIENCE, requests.wait_for(|requests| requests.len() >= count)).await;
        enough.expect("requests in time").unwrap().clone()
    }
}
