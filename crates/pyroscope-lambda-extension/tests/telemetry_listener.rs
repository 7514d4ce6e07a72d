//! The server that the platform posts telemetry to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod telemetry_support;

use std::sync::Arc;
use std::time::Duration;

use pyroscope_lambda_extension::lambda::telemetry::{Listener, RuntimeDone};
use telemetry_support::{PATIENCE, post, runtime_done, send, status};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

async fn listen() -> (u16, Arc<RuntimeDone>) {
    let listener = Listener::bind().await.unwrap();
    let (port, done) = (listener.port(), Arc::new(RuntimeDone::default()));
    tokio::spawn(listener.serve(Arc::clone(&done)));
    (port, done)
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

#[tokio::test]
async fn whatever_is_posted_is_answered_with_200() {
    let (port, done) = listen().await;
    assert!(!done.heard_anything(Duration::ZERO).await);
    let mut stream = connect(port).await;
    for batch in ["", "[]", "{}", "<html>", "[{", r#"[{"type":"platform.runtimeDone"}]"#, "\0\u{1}"] {
        assert_eq!(send(&mut stream, batch).await, 200, "{batch:?}");
    }
    assert!(done.heard_anything(Duration::ZERO).await);
    assert_eq!(send(&mut stream, &runtime_done(&["r-1", "r-2"])).await, 200);
    assert!(done.has("r-1") && done.has("r-2") && !done.has("r-3"));

    // Any path, any method, any framing.
    stream.write_all(b"PUT /x?y HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let batch = runtime_done(&["r-3"]);
    for chunk in batch.as_bytes().chunks(7) {
        let head = format!("{:x}\r\n", chunk.len());
        stream.write_all(&[head.as_bytes(), chunk, b"\r\n"].concat()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(status(&mut stream).await, 200);
    assert!(done.has("r-3"));
}

#[tokio::test]
async fn a_batch_of_any_size_is_taken_but_only_its_beginning_is_kept() {
    let (port, done) = listen().await;
    let filler = format!(r#"{{"type":"function","record":"{}"}}"#, "x".repeat(8 * 1024 * 1024));
    let of = |id| runtime_done(&[id]).trim_matches(['[', ']']).to_owned();
    assert_eq!(post(port, &format!("[{},{filler},{}]", of("first"), of("last"))).await, 200);
    assert!(done.has("first") && !done.has("last"));
    assert_eq!(post(port, &runtime_done(&["next"])).await, 200);
    assert!(done.has("next"));
}

#[tokio::test]
async fn senders_that_stop_halfway_stand_in_nobodys_way() {
    let (port, done) = listen().await;
    let mut slow = Vec::new();
    for request in 0..100 {
        let mut stream = connect(port).await;
        let half: &[u8] =
            if request % 2 == 0 { b"POST / HT" } else { b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n[" };
        stream.write_all(half).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(post(port, &runtime_done(&["r-1"])).await, 200);
    assert!(done.wait("r-1", PATIENCE).await);
}
