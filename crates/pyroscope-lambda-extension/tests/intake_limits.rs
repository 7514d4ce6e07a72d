//! Clients that send too much, too little, too slowly or nonsense: they get their answer, and nobody else suffers.

mod support;

use std::time::{Duration, Instant};

use support::{Connection, Extension, accepted, sink};
use tokio::time::timeout;

const LIMIT: usize = 64 * 1024;

async fn limited(remote: &str) -> Extension {
    Extension::of(remote).set("PYROSCOPE_QUEUE_BYTES", "64KiB").dev().await
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let sink = sink().await;
    let extension = limited(&sink.url()).await;
    for head in [
        "Content-Length: 65537",
        "Content-Length: 4294967296",
        "Expect: 100-continue\r\nContent-Length: 99999",
    ] {
        let mut sdk = extension.sdk().await;
        sdk.write(format!("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n")).await;
        let answer = sdk.answer().await;
        assert_eq!(answer.status(), 413, "{head}");
        assert!(answer.text().contains("more than 65536 bytes (PYROSCOPE_QUEUE_BYTES)"), "{}", answer.text());
    }
    extension.profile("a").await;
    assert_eq!(accepted(&sink, 1).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_sends_a_body_that_is_too_large_still_reads_why() {
    let extension = limited("http://127.0.0.1:9").await;
    for size in [LIMIT + 1, 100_000, 1_000_000] {
        let mut sdk = extension.sdk().await;
        let request = support::http::post("/ingest?name=a", &[], &vec![b'x'; size]);
        // The answer may come, and the connection be closed, while it still writes.
        drop(sdk.try_write(&request).await);
        assert_eq!(sdk.answer().await.status(), 413, "{size}");
    }
}

#[tokio::test]
async fn chunks_that_grow_too_large_are_refused_when_they_do() {
    let extension = limited("http://127.0.0.1:9").await;
    let mut sdk = extension.sdk().await;
    sdk.write("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..=LIMIT / 0x1000 {
        sdk.write(&chunk).await;
    }
    // It has not said that this was all.
    assert_eq!(sdk.answer().await.status(), 413);
}

#[tokio::test]
async fn a_body_up_to_the_limit_less_its_head_is_taken() {
    let sink = sink().await;
    let extension = limited(&sink.url()).await;
    let body = format!("main;{} 1", "x".repeat(59 * 1024)); // it is counted in whole pages
    assert_eq!(extension.post("/ingest?name=a", &[], &body).await.status(), 200);
    assert_eq!(accepted(&sink, 1).await[0].request.body, body);
}

#[tokio::test]
async fn a_body_that_never_fits_the_queue_is_refused_as_too_large() {
    let sink = sink().await;
    let extension = limited(&sink.url()).await;
    let answer = extension.post("/ingest?name=a", &[], vec![b'x'; LIMIT]).await;
    assert_eq!(answer.status(), 413, "{}", answer.text());
}

#[tokio::test]
async fn a_huge_head_and_garbage_are_refused() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let huge = "x".repeat(64 * 1024);
    let cases = [
        (format!("POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nX-Huge: {huge}\r\n\r\n"), 431),
        (format!("POST /ingest?name={huge} HTTP/1.1\r\nHost: x\r\n\r\n"), 431),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03 hello, TLS?\r\n\r\n".to_owned(), 400),
        ("POST /ingest HTTP/1.1\r\nHost x\r\n\r\n".to_owned(), 400),
        ("POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n".to_owned(), 400),
        (
            "POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
            400,
        ),
        ("hello\r\n\r\n".to_owned(), 400),
    ];
    for (bytes, status) in cases {
        let mut client = extension.sdk().await;
        client.write(&bytes).await;
        let shown: String = bytes.chars().take(60).collect();
        assert_eq!(client.answer().await.status(), status, "{shown:?}");
        assert!(client.try_answer().await.is_none(), "{shown:?}: the connection goes on");
    }
    let mut client = extension.sdk().await;
    client
        .write("POST /ingest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n")
        .await;
    assert_eq!(client.answer().await.status(), 400);

    extension.profile("a").await;
    assert_eq!(accepted(&sink, 1).await.len(), 1);
}

#[tokio::test]
async fn two_hundred_idle_and_half_way_clients_keep_no_good_one_waiting() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let head = "POST /ingest?name=half HTTP/1.1\r\nHos";
    let head_and_more = "POST /ingest?name=half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nma";
    let mut idle = Vec::new();
    for number in 0..200 {
        let mut client = extension.sdk().await;
        client.write(["", head, head_and_more][number % 3]).await;
        idle.push(client);
        if number % 50 == 0 {
            extension.profile("good").await;
        }
    }
    extension.profile("good").await;
    assert_eq!(accepted(&sink, 5).await.len(), 5);
}

/// Opens 300 connections that begin with these bytes, and lets each of them drip for as long as the guard lives.
async fn dripping(extension: &Extension, begin: &'static str) -> tokio::task::JoinHandle<()> {
    let mut hostile = Vec::new();
    for _ in 0..300 {
        let mut client = extension.sdk().await;
        client.write(begin).await;
        hostile.push(client);
    }
    tokio::spawn(async move {
        loop {
            for client in &mut hostile {
                // Most have been closed to make room for others.
                drop(client.try_write("x").await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[tokio::test]
async fn three_hundred_idle_or_dripping_connections_change_nothing_for_a_good_one() {
    // No wait of the intake is shorter: an answer that comes sooner has not waited for a hostile client.
    const SHORTEST_WAIT: Duration = Duration::from_secs(5);
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut kept = extension.sdk().await;
    let (mut sent, mut slowest) = (0, Duration::ZERO);
    for begin in [
        "",
        "POST /ingest?name=a HTTP/1.1\r\nX-Slow: ",
        "POST /ingest?name=a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nx",
    ] {
        assert_eq!(kept.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200);
        let hostile = dripping(&extension, begin).await;
        for _ in 0..10 {
            let started = Instant::now();
            assert_eq!(kept.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200, "{begin:?}");
            extension.profile("a").await;
            slowest = slowest.max(started.elapsed());
        }
        sent += 21;
        hostile.abort();
    }
    assert_eq!(accepted(&sink, sent).await.len(), sent);
    assert!(slowest < SHORTEST_WAIT, "{slowest:?}");
}

#[tokio::test]
async fn an_sdk_that_is_used_keeps_its_connection_among_200_idle_ones() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sdk = extension.sdk().await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(extension.sdk().await);
        assert_eq!(sdk.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200);
    }
    accepted(&sink, 200).await;
}

#[tokio::test]
async fn a_client_that_goes_away_amid_its_body_leaves_nothing_behind() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let mut client: Connection = extension.sdk().await;
    client.write("POST /ingest?name=half HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nmain").await;
    drop(client);
    extension.logs("request not taken").await;
    extension.profile("whole").await;
    let arrivals = accepted(&sink, 1).await;
    assert_eq!((arrivals.len(), arrivals[0].series[0].app.as_str()), (1, "whole"));
}

#[tokio::test]
async fn an_idle_connection_is_not_closed() {
    let extension = Extension::of("http://127.0.0.1:9").dev().await;
    let mut sdk = extension.sdk().await;
    // A second says little of a day, but a timer of the usual kinds would have to be set to more than an SDK's pauses.
    assert!(timeout(Duration::from_secs(1), sdk.try_answer()).await.is_err(), "it was closed");
    assert_eq!(sdk.post("/ingest?name=a", &[], b"main;work 1").await.status(), 200);
}
