//! Whatever clients send, the process takes no more memory than the queue may hold and what docs/security.md states.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fmt::Write;
use std::net::TcpListener;

use support::profiles::gzip;
use support::{Connection, Extension};

const MIB: u64 = 1 << 20;
const QUEUE: u64 = 8 * MIB;

/// What the process may take beside the queue and what it took at its start: docs/security.md has the sum.
const BESIDE: u64 = 32 * MIB;

const PUSH: &str = "/push.v1.PusherService/Push";
const PROTO: (&str, &str) = ("content-type", "application/proto");

/// An extension whose remote lets itself be connected to, and neither reads nor answers.
async fn extension_before_silence() -> (TcpListener, Extension) {
    let remote = TcpListener::bind("127.0.0.1:0").unwrap();
    let extension = Extension::of(&format!("http://{}", remote.local_addr().unwrap()))
        .set("PYROSCOPE_QUEUE_BYTES", QUEUE.to_string())
        .set("PYROSCOPE_NUM_WORKERS", "64")
        .set("PYROSCOPE_LABELS", "team=a,env=prod,region=eu-west-1")
        .set("PYROSCOPE_LOG_LEVEL", "error")
        .dev()
        .await;
    (remote, extension)
}

/// Whether the most that the process has taken is within the bound.
fn assert_bounded(extension: &Extension, at_start: u64, after: &str) {
    let grown = extension.most_resident().saturating_sub(at_start);
    assert!(grown <= QUEUE + BESIDE, "after {after} {grown} bytes more than at the start");
}

/// Posts, and cares for no answer but that there is one.
async fn post(extension: &Extension, target: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut client = extension.sdk().await;
    drop(client.try_write(support::http::post(target, headers, body)).await);
    drop(client.try_answer().await);
}

/// Connections that have each sent `bytes` and no more.
async fn half_way(extension: &Extension, count: usize, bytes: &[u8]) -> Vec<Connection> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = extension.sdk().await;
        drop(client.try_write(bytes).await);
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn memory_stays_bounded_under_hostile_input() {
    let (_remote, extension) = extension_before_silence().await;
    let at_start = extension.resident();

    // Many small uploads on connections of their own, whose buffers must not outlive them.
    for _ in 0..1500 {
        post(&extension, "/ingest?name=a", &[("X-A", "1")], b"x").await;
    }
    assert_bounded(&extension, at_start, "small uploads");

    // As many headers as there may be, each as short as can be.
    let names: Vec<_> = (0..90).map(|number| format!("a{number}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    for _ in 0..800 {
        post(&extension, "/ingest?name=a", &headers, b"x").await;
    }
    assert_bounded(&extension, at_start, "many headers");

    // Series without anything, which labels would make a hundred times as large.
    for _ in 0..40 {
        post(&extension, PUSH, &[PROTO], &[0x0a, 0x00].repeat(30_000)).await;
    }
    assert_bounded(&extension, at_start, "empty series");

    // Bombs.
    let bomb = gzip(&vec![0; 32 << 20]);
    for _ in 0..20 {
        post(&extension, PUSH, &[PROTO, ("content-encoding", "gzip")], &bomb).await;
    }
    assert_bounded(&extension, at_start, "bombs");

    // Bodies as large as the queue takes, in chunks, so that nobody knows before.
    let mut chunked =
        "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for _ in 0..7 * 16 {
        write!(chunked, "10000\r\n{}\r\n", "x".repeat(0x1_0000)).unwrap();
    }
    let whole = format!("{chunked}0\r\n\r\n");
    for _ in 0..8 {
        let mut client = extension.sdk().await;
        drop(client.try_write(&whole).await);
        drop(client.try_answer().await);
    }
    assert_bounded(&extension, at_start, "large bodies");

    // Heads and bodies that stay half-way, all at once.
    let head = format!("POST /ingest?name=a HTTP/1.1\r\nX: {}", "x".repeat(31 * 1024));
    let heads = half_way(&extension, 300, head.as_bytes()).await;
    assert_bounded(&extension, at_start, "half heads");
    let body = format!(
        "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{}",
        "x".repeat(900_000)
    );
    let bodies = half_way(&extension, 100, body.as_bytes()).await;
    assert_bounded(&extension, at_start, "half bodies");
    drop((heads, bodies));

    // It is alive and well.
    let answer = extension.post("/ingest?name=a", &[], "main;work 1").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
}
