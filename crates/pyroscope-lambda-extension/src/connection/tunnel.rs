//! The way through a proxy with `CONNECT` (RFC 9110, section 9.3.6).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::{Proxy, RemoteAddress};
use crate::net::BoxStream;

/// The longest head of an answer, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// How much of a proxy's own words goes into a log line, in characters.
const LONGEST_REASON: usize = 100;

/// A proxy does not let us through. Its text names the proxy, and none of its credentials.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// It can't be reached, or breaks off.
    #[error("the proxy {proxy} can't be reached: {source}")]
    Unreachable {
        /// Its address and variable.
        proxy: String,
        /// What the system said.
        source: io::Error,
    },
    /// It says no.
    #[error("the proxy {proxy} answered {answer}{}", advice(*.status))]
    Refused {
        /// Its address and variable.
        proxy: String,
        /// What it answered.
        status: u16,
        /// The same in its own words.
        answer: String,
    },
    /// It closed the connection instead of an answer.
    #[error(
        "the proxy {0} closed the connection before it answered (is it an HTTP proxy that allows CONNECT?)"
    )]
    Closed(String),
    /// It is no proxy.
    #[error("what answers in the place of the proxy {0} does not speak HTTP")]
    NotHttp(String),
}

/// What has come of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Answer<'bytes> {
    /// More has to come.
    Unfinished,
    /// The way is open.
    Open,
    /// It is not.
    Refused { status: u16, answer: &'bytes str },
    /// No proxy answers like this.
    NotHttp,
}

/// Asks `proxy`, at the other end of `stream`, for a way to `server`.
pub(super) async fn through(
    proxy: &Proxy,
    server: &RemoteAddress,
    mut stream: BoxStream,
) -> io::Result<BoxStream> {
    let ask = async {
        stream.write_all(&request(proxy, server)).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        loop {
            // It says nothing more before we have spoken to the server: what follows the head can't be the server's.
            let more = stream.read_buf(&mut head).await?;
            match Answer::parse(&head) {
                Answer::Open => return Ok(Ok(())),
                Answer::Refused { status, answer } => {
                    let answer = answer.chars().take(LONGEST_REASON).collect();
                    return Ok(Err(TunnelError::Refused { proxy: proxy.to_string(), status, answer }));
                }
                Answer::Unfinished if more > 0 => {}
                Answer::Unfinished => return Ok(Err(TunnelError::Closed(proxy.to_string()))),
                Answer::NotHttp => return Ok(Err(TunnelError::NotHttp(proxy.to_string()))),
            }
        }
    };
    let asked: io::Result<_> = ask.await;
    asked
        .map_err(|source| TunnelError::unreachable(proxy, source))
        .flatten()
        .map_err(TunnelError::into_io)?;
    Ok(stream)
}

fn request(proxy: &Proxy, server: &RemoteAddress) -> Vec<u8> {
    // The port has to be there, even where it is the scheme's own.
    let host = server.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let target = format!("{host}:{}", server.port());
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// What to do about a refusal, in brackets.
fn advice(status: u16) -> &'static str {
    match status {
        407 => " (write its user and password into its address: http://user:password@host:port)",
        401 | 403 | 405 => " (it does not allow this; who runs it can, or NO_PROXY can name the server)",
        502..=504 => " (it can't reach the server)",
        _ => "",
    }
}

// === impl TunnelError ===

impl TunnelError {
    /// Whether the proxy asks for user and password.
    #[must_use]
    pub const fn wants_password(&self) -> bool {
        matches!(self, Self::Refused { status: 407, .. })
    }

    pub(super) fn unreachable(proxy: &Proxy, source: io::Error) -> Self {
        Self::Unreachable { proxy: proxy.to_string(), source }
    }

    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

// === impl Answer ===

impl<'bytes> Answer<'bytes> {
    fn parse(bytes: &'bytes [u8]) -> Self {
        const VERSION: &[u8] = b"HTTP/1.";
        if !bytes.starts_with(VERSION.get(..bytes.len()).unwrap_or(VERSION)) {
            return Self::NotHttp;
        }
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n").and_then(|end| bytes.get(..end)) else {
            return if bytes.len() < HEAD_LIMIT { Self::Unfinished } else { Self::NotHttp };
        };
        let line = end.split(|byte| *byte == b'\r').next().unwrap_or_default();
        // What is behind the version: the status, and the proxy's own words for it.
        let answer =
            std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')).map(|(_, rest)| rest);
        let status = answer.and_then(|answer| {
            answer
                .get(..3)?
                .parse()
                .ok()
                .filter(|_| answer.as_bytes().get(3).is_none_or(|behind| *behind == b' '))
        });
        match (status, answer) {
            (Some(200..=299), _) => Self::Open,
            (Some(status @ 100..=999), Some(answer)) => Self::Refused { status, answer: answer.trim() },
            _ => Self::NotHttp,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_request_names_the_server_with_its_port_and_shows_the_credentials_of_the_proxy() {
        for (server, proxy, target, authorization) in [
            ("https://h", "http://p:1", "h:443", ""),
            ("https://h:8443/base", "http://p:1", "h:8443", ""),
            ("https://[fd00::1]", "http://p:1", "[fd00::1]:443", ""),
            ("https://h", "http://u:p@p:1", "h:443", "Proxy-Authorization: Basic dTpw\r\n"),
        ] {
            let (config, _) = Config::from_env(|name| (name == "HTTPS_PROXY").then(|| proxy.into()));
            let server = RemoteAddress::parse(server).unwrap();
            let proxy = config.network.proxies.proxy_for(&server).unwrap().unwrap();
            let expected = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
            assert_eq!(String::from_utf8(request(proxy, &server)).unwrap(), expected);
        }
    }

    #[test]
    fn the_first_line_of_a_whole_head_decides() {
        let refused = |status, answer| Answer::Refused { status, answer };
        for (bytes, expected) in [
            ("", Answer::Unfinished),
            ("HTT", Answer::Unfinished),
            ("HTTP/1.1 200 OK\r\n", Answer::Unfinished),
            ("HTTP/1.1 200 OK\r\nVia: x\r\n", Answer::Unfinished),
            ("HTTP/1.1 200 OK\r\n\r\n", Answer::Open),
            ("HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n", Answer::Open),
            ("HTTP/1.1 204\r\n\r\n", Answer::Open),
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\nA: b\r\n\r\n<html>",
                refused(407, "407 Proxy Authentication Required"),
            ),
            ("HTTP/1.1 502\r\n\r\n", refused(502, "502")),
            ("HTTP/1.1 302 Found\r\n\r\n", refused(302, "302 Found")),
            ("HTTP/1.1 2000 OK\r\n\r\n", Answer::NotHttp),
            ("HTTP/1.1 abc\r\n\r\n", Answer::NotHttp),
            ("HTTP/1.1\r\n\r\n", Answer::NotHttp),
            ("HTTP/2 200\r\n\r\n", Answer::NotHttp),
            ("SSH-2.0-OpenSSH_9.6\r\n", Answer::NotHttp),
            ("\u{15}\u{3}\u{1}", Answer::NotHttp),
        ] {
            assert_eq!(Answer::parse(bytes.as_bytes()), expected, "{bytes:?}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'x'; HEAD_LIMIT]].concat();
        assert_eq!(Answer::parse(&endless), Answer::NotHttp);
    }

    proptest! {
        #[test]
        fn no_answer_opens_the_way_but_a_2xx(status in 100_u16..1000, rest in ".{0,40}") {
            let head = format!("HTTP/1.1 {status} {}\r\n\r\n", rest.replace(['\r', '\n'], ""));
            let open = Answer::parse(head.as_bytes()) == Answer::Open;
            prop_assert_eq!(open, (200..300).contains(&status));
        }

        #[test]
        fn any_bytes_are_some_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Answer::parse(&bytes);
            Answer::parse(&[b"HTTP/1.1 ".as_slice(), &bytes, b"\r\n\r\n"].concat());
        }
    }
}
