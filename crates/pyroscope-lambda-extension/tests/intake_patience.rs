//! Clients that are slow, in simulated time: none is cut off by a freeze, and none may take for ever.

#![allow(clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used, reason = "a test may panic")]

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pyroscope_lambda_extension::clock::Clock;
use pyroscope_lambda_extension::intake::Intake;
use pyroscope_lambda_extension::net::{BoxFuture, BoxStream, Listen};
use pyroscope_lambda_extension::queue::Queue;
use pyroscope_lambda_extension::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, advance, sleep, timeout};

const HEAD: &str = "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n";
const BODY: &str = "main;work 1";
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
struct NoDice;

impl Random for NoDice {
    fn bits(&self) -> u64 {
        0
    }
}

#[derive(Debug)]
struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

impl Listen for Pipes {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async {
            let stream = self.0.recv().await.ok_or(io::ErrorKind::NotConnected)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

struct Server {
    queue: Arc<Queue>,
    pipes: mpsc::UnboundedSender<DuplexStream>,
}

impl Server {
    /// An intake with a queue of so many bytes that nobody empties.
    fn of(bytes: usize) -> Self {
        let clock = Clock::simulated(SystemTime::UNIX_EPOCH);
        let queue = Arc::new(Queue::new(bytes, 1, clock, Arc::new(NoDice)));
        let (pipes, listener) = mpsc::unbounded_channel();
        let intake = Intake::new(Arc::clone(&queue), clock, bytes);
        tokio::spawn(Arc::new(intake).serve(Pipes(listener)));
        Self { queue, pipes }
    }

    fn client(&self) -> DuplexStream {
        let (client, server) = duplex(1 << 20);
        self.pipes.send(server).unwrap();
        client
    }
}

/// All that comes before the connection is closed, and how long that took.
async fn end(client: &mut DuplexStream) -> (String, Duration) {
    let (started, mut text) = (Instant::now(), String::new());
    client.read_to_string(&mut text).await.unwrap();
    (text, started.elapsed())
}

async fn answer(client: &mut DuplexStream) -> String {
    let mut buffer = [0; 4096];
    let count = client.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

/// The sandbox stands still for a day: every timer is overdue at once.
async fn freeze() {
    advance(DAY).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_answered_408() {
    let server = Server::of(1 << 20);
    for begun in ["P", "POST /ingest?name=a HTTP/1.1\r\nHos", &HEAD[..HEAD.len() - 1]] {
        let mut client = server.client();
        client.write_all(begun.as_bytes()).await.unwrap();
        let (text, took) = end(&mut client).await;
        assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nthe request did not come\n"), "{text}");
        assert!((20..=40).contains(&took.as_secs()), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_answered_408_too() {
    let server = Server::of(1 << 20);
    let mut client = server.client();
    let started = Instant::now();
    let drip = async {
        for byte in HEAD.bytes().chain(std::iter::repeat(b'x')) {
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
            if started.elapsed() > Duration::from_secs(45) {
                break;
            }
        }
    };
    drip.await;
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_answered_408_after_half_a_minute() {
    let server = Server::of(1 << 20);
    let mut client = server.client();
    client.write_all(format!("{HEAD}main").as_bytes()).await.unwrap();
    let (text, took) = end(&mut client).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!((25..=35).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_answered_408_after_two_minutes() {
    let server = Server::of(1 << 20);
    let mut client = server.client();
    client.write_all(HEAD.replace("11", "9999").as_bytes()).await.unwrap();
    let started = Instant::now();
    let mut buffer = [0; 12];
    loop {
        client.write_all(b"x").await.unwrap();
        if timeout(Duration::from_secs(2), client.read_exact(&mut buffer)).await.is_ok() {
            break;
        }
    }
    assert_eq!(&buffer, b"HTTP/1.1 408");
    assert!((110..=130).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_days_before_and_after_a_request() {
    let server = Server::of(1 << 20);
    let mut client = server.client();
    for _ in 0..3 {
        freeze().await;
        sleep(DAY).await;
        client.write_all(format!("{HEAD}{BODY}").as_bytes()).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    }
    assert_eq!(server.queue.counts().accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn no_freeze_cuts_off_a_head_or_a_body_that_goes_on_after_it() {
    let server = Server::of(1 << 20);
    let mut client = server.client();
    for part in [&HEAD[..10], &HEAD[10..30], &HEAD[30..], &BODY[..3], &BODY[3..8]] {
        client.write_all(part.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        freeze().await;
        sleep(Duration::from_millis(10)).await;
    }
    client.write_all(&BODY.as_bytes()[8..]).await.unwrap();
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_being_read_have_one_room_together() {
    const MIB: usize = 1 << 20;
    let server = Server::of(2 * MIB);
    let head = format!("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 2 * MIB);
    let mut halves = Vec::new();
    // 6 MiB in all: what the queue may hold and 4 MiB more.
    for _ in 0..4 {
        let mut client = server.client();
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; 3 * MIB / 2]).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        halves.push(client);
    }
    let mut late = server.client();
    late.write_all(format!("{HEAD}{BODY}").as_bytes()).await.unwrap();
    let refused = answer(&mut late).await;
    assert!(refused.starts_with("HTTP/1.1 503 Service Unavailable"), "{refused}");
    assert!(
        refused.ends_with("no room for the profile: too much else is being read (PYROSCOPE_QUEUE_BYTES)\n")
    );

    // One that goes away, or is given up, makes room.
    drop(halves.pop());
    sleep(Duration::from_millis(1)).await;
    let mut later = server.client();
    later.write_all(format!("{HEAD}{BODY}").as_bytes()).await.unwrap();
    assert!(answer(&mut later).await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(server.queue.counts().accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_keeps_no_profile_out() {
    let server = Server::of(1 << 20);
    let body = "x".repeat(1 << 18);
    let mut client = server.client();
    for _ in 0..20 {
        let head = HEAD.replace("11", &body.len().to_string());
        client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    }
    let counts = server.queue.counts();
    assert_eq!((counts.accepted, counts.evicted), (20, 17), "the oldest made room");
}
