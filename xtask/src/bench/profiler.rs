//! The profiler's side: profiles posted on one kept connection, as an SDK does.

use std::io::{self, Write};
use std::iter;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::http;
use crate::error::Error;
use crate::load::profile::profile;

/// What a profiler of a small function posts.
pub(super) const SMALL: usize = 20 * 1024;

/// What a profiler of a large one posts.
pub(super) const LARGE: usize = 2 * 1024 * 1024;

/// Every so many of the load's profiles one is a push with a compressed body, from this one on.
const FIRST_PUSH: u64 = 5;
const PUSHES_EVERY: usize = 10;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An SDK that has one profile to post, again and again.
pub(super) struct Profiler {
    port: u16,
    request: Vec<u8>,
    connection: Option<TcpStream>,
    answer: Vec<u8>,
}

// === impl Profiler ===

impl Profiler {
    pub(super) fn new(port: u16, bytes: usize) -> Self {
        Self { port, request: ingest(port, bytes), connection: None, answer: Vec::new() }
    }

    /// One that pushes about 20 KB that are compressed, so that a relay that adds labels has to look into them.
    pub(super) fn pushing(port: u16) -> Self {
        Self { request: push(port), ..Self::new(port, 0) }
    }

    /// Posts a profile and returns how long the answer took, from the post's first byte on.
    pub(super) fn post(&mut self, contender: &Contender) -> Result<Duration, Error> {
        self.try_post()
            .map_err(|error| Error::unfit(&contender.binary, format!("takes no profiles: {error}")))
    }

    fn try_post(&mut self) -> io::Result<Duration> {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => connect(self.port)?,
            };
            let posted = Instant::now();
            connection.write_all(&self.request)?;
            // A relay may close the connection after an answer; then the next post has no answer on it.
            if !http::read_message(&mut connection, &mut self.answer)? {
                continue;
            }
            let took = posted.elapsed();
            let status = http::first_line(&self.answer);
            if !status.contains(" 200") {
                return Err(io::Error::other(format!("the answer is {status}, not 200")));
            }
            self.connection = Some(connection);
            return Ok(took);
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// A post as the Node SDK makes it. A relay doesn't look into the profile, and noise doesn't compress.
fn ingest(port: u16, bytes: usize) -> Vec<u8> {
    let head = format!(
        "POST /ingest?format=pprof&from=1700000000&name=bench%7Bregion%3Dlocal%7D&sampleRate=100&spyName=nodespy&until=1700000010 HTTP/1.1\r\n\
         Host: localhost:{port}\r\nContent-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n\r\n"
    );
    let noise = iter::successors(Some(1_u64), |state| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    });
    let noise = noise.map(|state| state.to_be_bytes()[0]).take(bytes);
    head.into_bytes().into_iter().chain(noise).collect()
}

/// The push of the load that is nearest to 20 KB.
fn push(port: u16) -> Vec<u8> {
    let pushes = (FIRST_PUSH..).step_by(PUSHES_EVERY).take(50).map(|number| profile(1, number));
    let Some(push) = pushes.min_by_key(|push| push.body.len().abs_diff(SMALL)) else { return Vec::new() };
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {}\r\nContent-Encoding: {}\r\nContent-Length: {}\r\n\r\n",
        push.path,
        push.content_type,
        push.content_encoding,
        push.body.len()
    );
    [head.as_bytes(), &push.body].concat()
}

#[cfg(test)]
mod tests {
    use super::{SMALL, push};

    #[test]
    fn a_push_is_compressed_and_of_the_size_of_a_small_profile() {
        let push = push(4040);
        let text = String::from_utf8_lossy(&push);

        assert!(text.contains("\r\nContent-Encoding: gzip\r\n"), "{text}");
        assert!(push.len().abs_diff(SMALL) < SMALL / 2, "{}", push.len());
    }
}
