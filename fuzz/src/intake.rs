//! The extension's server on connections in memory, under a clock that is paused: what comes back, and what is queued.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pyroscope_lambda_extension::clock::Clock;
use pyroscope_lambda_extension::intake::Intake;
use pyroscope_lambda_extension::net::{BoxFuture, BoxStream, Listen};
use pyroscope_lambda_extension::queue::Queue;
use pyroscope_lambda_extension::random::Random;
use pyroscope_lambda_extension::upload::Upload;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

/// The largest upload that is taken, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// Room for all that one connection can bring.
const CAPACITY: usize = 1 << 30;

/// Longer than any wait of the server's, in simulated time.
const LONG: Duration = Duration::from_secs(600);

/// What became of the bytes that a client sent.
#[derive(Debug)]
pub struct Exchange {
    /// All that was answered.
    pub answers: Vec<Answer>,
    /// What is queued, in order.
    pub uploads: Vec<Upload>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// What a client does when it has sent all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It closes its half.
    Close,
    /// It waits for a long time, then closes its half.
    Wait,
}

#[derive(Debug)]
struct OneConnection(Option<DuplexStream>);

#[derive(Debug)]
struct NoJitter;

/// Sends the pieces one after the other, each when the server has done all it can with those before.
///
/// # Panics
/// Where the server neither answers nor closes, or says what is no HTTP.
pub fn exchange<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, end: End) -> Exchange {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        let queue = Arc::new(Queue::new(CAPACITY, 1, clock, Arc::new(NoJitter)));
        let intake = Arc::new(Intake::new(Arc::clone(&queue), clock, LIMIT));
        let (client, server) = duplex(16 * 1024);
        tokio::spawn(intake.serve(OneConnection(Some(server))));
        let (mut answers, mut requests) = tokio::io::split(client);
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            // An error is a connection that was closed while bytes were under way.
            drop(answers.read_to_end(&mut read).await);
            read
        });
        for piece in pieces {
            // It may have closed the connection already. Time passes once nobody has anything to do.
            drop(timeout(LONG, requests.write_all(piece)).await.expect("the server reads or closes"));
            sleep(Duration::from_millis(1)).await;
        }
        if end == End::Wait {
            sleep(LONG).await;
        }
        drop(requests.shutdown().await);
        let read = timeout(LONG, reading).await.expect("the server closes what the client has closed");
        let uploads = queue.abandon().into_iter().map(|attempt| Upload::clone(&attempt.upload));
        Exchange { answers: answers_in(&read.expect("a reader")), uploads: uploads.collect() }
    })
}

// === impl Exchange ===

impl Exchange {
    /// The statuses of the answers, but for `100 Continue`, which depends on how much of a body has come.
    pub fn statuses(&self) -> Vec<u16> {
        self.answers.iter().map(|answer| answer.status).filter(|status| *status != 100).collect()
    }
}

/// Takes apart what a server has said.
fn answers_in(mut said: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !said.is_empty() {
        let end = said.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let (head, rest) = said.split_at(end + 4);
        let head = String::from_utf8_lossy(head); // a content type comes back as it was sent
        let status =
            head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 ")).expect("a status line");
        let status = status.get(..3).and_then(|status| status.parse().ok()).expect("a status");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        // HEAD is answered with a length and without a body.
        let length = if rest.is_empty() || rest.starts_with(b"HTTP/1.") { 0 } else { length };
        let (body, rest) = rest.split_at_checked(length).expect("a whole body");
        answers.push(Answer { status, body: body.to_vec() });
        said = rest;
    }
    answers
}

// === impl OneConnection ===

impl Listen for OneConnection {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async {
            match self.0.take() {
                Some(stream) => Ok(Box::new(stream) as BoxStream),
                None => std::future::pending().await,
            }
        })
    }
}

// === impl NoJitter ===

impl Random for NoJitter {
    fn bits(&self) -> u64 {
        0
    }
}
