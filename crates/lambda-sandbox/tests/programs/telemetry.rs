//! A listener for the Telemetry API that logs what it is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::http;

/// How often `platform.runtimeDone` was received, and how often it was waited for.
static RECEIVED: AtomicUsize = AtomicUsize::new(0);
static WAITED_FOR: AtomicUsize = AtomicUsize::new(0);

/// Starts a listener and asks for the given types.
pub(crate) fn subscribe(api: &str, id: &str, types: &str) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !is_whole(&request) {
                let length = stream.read(&mut chunk).expect("a request");
                request.extend_from_slice(&chunk[..length]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("an answer");
            let text = String::from_utf8_lossy(&request).into_owned();
            println!("telemetry {}", text.split_once("\r\n\r\n").map_or("", |(_, body)| body));
            RECEIVED.fetch_add(text.matches("platform.runtimeDone").count(), Ordering::SeqCst);
        }
    });
    let types: Vec<String> = types.split(',').map(|name| format!("{name:?}")).collect();
    let body = format!(
        r#"{{"schemaVersion":"2025-01-29","types":[{}],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},
        "destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}/"}}}}"#,
        types.join(",")
    );
    let headers = [("Lambda-Extension-Identifier", id)];
    let answer = http::send(api, "PUT", "/2022-07-01/telemetry", &headers, &body).expect("an answer");
    println!("subscribed {} {}", answer.status, answer.body);
}

/// Waits for the `platform.runtimeDone` of this invocation.
pub(crate) fn wait_for_runtime_done() {
    let wanted = WAITED_FOR.fetch_add(1, Ordering::SeqCst) + 1;
    while RECEIVED.load(Ordering::SeqCst) < wanted {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.and_then(|length| length.parse().ok()).is_none_or(|length: usize| body.len() >= length)
}
