//! A platform that does what a test tells it, where the sandbox would do what Lambda does.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// Longer than anything that a test waits for takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Serves the Extensions API and, as scripted, the Telemetry API.
pub(crate) struct Platform {
    pub(crate) address: String,
    script: Arc<Script>,
    events: mpsc::UnboundedSender<String>,
    asked: mpsc::UnboundedReceiver<Instant>,
}

struct Script {
    /// The statuses that subscriptions are answered with, one after the other; the last one stays. 0: no answer.
    telemetry: Mutex<Vec<u16>>,
    subscriptions: Mutex<Vec<Value>>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    asked: mpsc::UnboundedSender<Instant>,
}

// === impl Platform ===

impl Platform {
    pub(crate) async fn start(telemetry: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, receiver) = mpsc::unbounded_channel();
        let (sender, asked) = mpsc::unbounded_channel();
        let script = Arc::new(Script {
            telemetry: Mutex::new(telemetry.to_vec()),
            subscriptions: Mutex::default(),
            events: tokio::sync::Mutex::new(receiver),
            asked: sender,
        });
        let serving = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&serving);
                let service = service_fn(move |request| answer(Arc::clone(&script), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, script, events, asked }
    }

    /// What was asked of the Telemetry API.
    pub(crate) fn subscriptions(&self) -> Vec<Value> {
        self.script.subscriptions.lock().unwrap().clone()
    }

    /// The port that telemetry is to be posted to.
    pub(crate) fn telemetry_port(&self) -> u16 {
        let subscriptions = self.subscriptions();
        let uri = subscriptions.last().unwrap()["destination"]["URI"].as_str().unwrap();
        let port = uri.strip_prefix("http://sandbox.localdomain:").unwrap();
        port.trim_end_matches('/').parse().unwrap()
    }

    /// Waits until the extension asks for an event.
    pub(crate) async fn asked(&mut self) -> Instant {
        timeout(PATIENCE, self.asked.recv()).await.expect("the extension asks for an event").unwrap()
    }

    /// Tells of an invocation, and says how long it took until the next event was asked for.
    pub(crate) async fn invoke(&mut self, request_id: &str, deadline: Option<Duration>) -> Duration {
        let epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let deadline_ms = deadline.map_or(0, |left| (epoch + left).as_millis());
        let event = format!(
            r#"{{"eventType":"INVOKE","deadlineMs":{deadline_ms},"requestId":"{request_id}","invokedFunctionArn":"arn"}}"#
        );
        let sent = Instant::now();
        self.events.send(event).unwrap();
        self.asked().await - sent
    }

    /// Shuts the environment down.
    pub(crate) fn shut_down(&self) {
        let event = r#"{"eventType":"SHUTDOWN","deadlineMs":0,"shutdownReason":"spindown"}"#;
        self.events.send(event.to_owned()).unwrap();
    }
}

async fn answer(
    script: Arc<Script>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::default());
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/2020-01-01/extension/register") => {
            response.headers_mut().insert("lambda-extension-identifier", "e-1".parse().unwrap());
        }
        (&Method::PUT, "/2022-07-01/telemetry") => {
            assert_eq!(head.headers["lambda-extension-identifier"], "e-1");
            script.subscriptions.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            let status = {
                let mut statuses = script.telemetry.lock().unwrap();
                if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] }
            };
            if status == 0 {
                std::future::pending::<()>().await;
            }
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
        }
        (&Method::GET, "/2020-01-01/extension/event/next") => {
            let mut events = script.events.lock().await;
            script.asked.send(Instant::now()).unwrap();
            *response.body_mut() = Full::from(events.recv().await.unwrap());
        }
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

/// A batch in which the platform tells that these invocations are done.
pub(crate) fn runtime_done(request_ids: &[&str]) -> String {
    let items: Vec<String> = request_ids
        .iter()
        .map(|id| {
            format!(r#"{{"time":"2026-01-02T03:04:05.678Z","type":"platform.runtimeDone","record":{{"requestId":"{id}","status":"success"}}}}"#)
        })
        .collect();
    format!("[{}]", items.join(","))
}

/// Posts a batch as the platform does, and gives the status of the answer.
pub(crate) async fn post(port: u16, batch: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    send(&mut stream, batch).await
}

/// Posts a batch over a connection that stays open.
pub(crate) async fn send(stream: &mut TcpStream, batch: &str) -> u16 {
    let head =
        format!("POST / HTTP/1.1\r\nHost: sandbox.localdomain\r\nContent-Length: {}\r\n\r\n", batch.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(batch.as_bytes()).await.unwrap();
    status(stream).await
}

/// Reads an answer without a body.
pub(crate) async fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(PATIENCE, stream.read_u8()).await.expect("an answer").unwrap());
    }
    String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}
