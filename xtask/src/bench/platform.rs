//! The Extensions API, as cheap as it can be, and with a clock: a thread for each connection, no parsing that isn't needed.
//!
//! Registration and anything else is answered at once; `/event/next` is noted with the time at which its request arrived, and
//! held until the bench has an event for it.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::http;

const REGISTERED: &str = r#"{"functionName":"bench","functionVersion":"$LATEST","handler":"bench"}"#;

/// How long an invocation may take.
const INVOCATION: Duration = Duration::from_secs(3);

/// A platform for one extension.
pub(super) struct Platform {
    /// Goes into `AWS_LAMBDA_RUNTIME_API`.
    pub(super) address: SocketAddr,
    polls: Receiver<Instant>,
    events: Sender<String>,
}

// === impl Platform ===

impl Platform {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (polled, polls) = channel();
        let (events, awaited) = channel();
        let awaited = Arc::new(Mutex::new(awaited));
        // The threads end with their connections, and this one with the bench: it waits, and costs nothing.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (polled, awaited) = (polled.clone(), Arc::clone(&awaited));
                thread::spawn(move || serve(connection, &polled, &awaited));
            }
        });
        Ok(Self { address, polls, events })
    }

    /// Waits for a `/event/next` and returns when it arrived.
    pub(super) fn next_poll(&self, at_most: Duration) -> Result<Instant, RecvTimeoutError> {
        self.polls.recv_timeout(at_most)
    }

    /// Answers the `/event/next` that waits with INVOKE.
    pub(super) fn invoke(&self) {
        let deadline = millis_from_now(INVOCATION);
        self.send(format!(
            r#"{{"eventType":"INVOKE","deadlineMs":{deadline},"requestId":"bench","invokedFunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:bench","tracing":{{"type":"X-Amzn-Trace-Id","value":"bench"}}}}"#
        ));
    }

    /// Answers the `/event/next` that waits with SHUTDOWN; the process has until `within` from now.
    pub(super) fn shut_down(&self, within: Duration) {
        let deadline = millis_from_now(within);
        self.send(format!(
            r#"{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline}}}"#
        ));
    }

    fn send(&self, event: String) {
        // An extension that is gone needs none.
        let _ = self.events.send(event);
    }
}

fn millis_from_now(duration: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + duration).as_millis()
}

fn serve(
    mut connection: TcpStream,
    polled: &Sender<Instant>,
    awaited: &Mutex<Receiver<String>>,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    while http::read_message(&mut connection, &mut request)? {
        if http::first_line(&request).contains("/event/next ") {
            let _ = polled.send(Instant::now());
            let event = awaited.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(event) = event else { return Ok(()) };
            answer(&mut connection, &event)?;
        } else {
            answer(&mut connection, REGISTERED)?;
        }
        request.clear();
    }
    Ok(())
}

fn answer(connection: &mut TcpStream, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Extension-Identifier: bench-1";
    connection.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}
