//! What the extension takes from the function's memory, and gives back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::http::Message;
use support::{Extension, PATIENCE};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const MIB: u64 = 1024 * 1024;

/// A remote that takes its time over every answer until it is told not to.
async fn remote(mut hurry: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        while let Ok(Some(_)) = Message::read(&mut stream).await {
            hurry.wait_for(|hurry| *hurry).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn the_memory_that_a_long_queue_takes_goes_back_when_it_is_delivered() {
    const PROFILES: usize = 600;
    let profile = vec![b'p'; 20 * 1024];
    let (hurry, waits) = watch::channel(false);
    let extension = Extension::of(&format!("http://{}", remote(waits).await))
        .set("PYROSCOPE_NUM_WORKERS", "1")
        .set("PYROSCOPE_TIMEOUT", "10m")
        .set("PYROSCOPE_QUEUE_BYTES", "32MiB")
        .dev()
        .await;
    let mut sdk = extension.sdk().await;
    let mut post = async || assert_eq!(sdk.post("/ingest?name=a", &[], &profile).await.status(), 200);
    post().await;
    let before = extension.resident();

    for _ in 1..PROFILES {
        post().await; // they wait behind the first
    }
    assert!(extension.resident() > before + 10 * MIB, "they are kept");

    hurry.send_replace(true);
    let delivered = async {
        while extension.lines("profile delivered").len() < PROFILES {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, delivered).await.expect("all are delivered");
    let after = extension.resident();
    assert!(after <= before + 3 * MIB, "{after} bytes are resident, {before} before");
}
