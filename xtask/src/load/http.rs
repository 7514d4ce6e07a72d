//! A client that keeps its connection: HTTP/1.1 with the standard library alone.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A way to one server.
#[derive(Debug)]
pub(super) struct Connection {
    address: String,
    open: Option<BufReader<TcpStream>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

// === impl Connection ===

impl Connection {
    pub(super) const fn new(address: String) -> Self {
        Self { address, open: None }
    }

    /// Sends a request and reads the whole answer, however long it takes.
    pub(super) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
        let mut stream = match self.open.take() {
            Some(open) => open,
            None => self.connect()?,
        };
        stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let answer = read(&mut stream)?;
        self.open = Some(stream);
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no answer, but {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    answer.body = vec![0; answer.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut answer.body)?;
    Ok(answer)
}

// === impl Answer ===

impl Answer {
    /// A header's value, by its name in lower case; empty where it is absent.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}
