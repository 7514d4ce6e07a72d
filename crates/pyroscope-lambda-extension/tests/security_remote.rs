//! A hostile remote, or a proxy before it: what it answers neither fills memory nor the log, nor keeps the extension.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{Extension, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A remote that answers every request with `begin`, then `more` again and again, and tells how many it had. The words
/// `REQUEST` in an answer stand for what was sent.
async fn remote(begin: &'static str, more: &'static str) -> (String, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (had, requests) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let had = had.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut request).await {
                    had.send_modify(|requests| *requests += 1);
                    let sent = String::from_utf8_lossy(&request[..length]).replace("\r\n", " ");
                    let begin = begin.replace("REQUEST", &sent);
                    let begin = begin.replace("LENGTH", &sent.len().to_string());
                    if stream.write_all(begin.as_bytes()).await.is_err() {
                        return;
                    }
                    while !more.is_empty() {
                        if stream.write_all(more.repeat(100).as_bytes()).await.is_err() {
                            return;
                        }
                        // Without end, but not so fast that it is the machine that can't do any more.
                        sleep(Duration::from_millis(1)).await;
                    }
                }
            });
        }
    });
    (address, requests)
}

/// Waits until the remote has had so many requests.
async fn had(requests: &watch::Receiver<usize>, count: usize) {
    let mut requests = requests.clone();
    timeout(PATIENCE, requests.wait_for(|had| *had >= count)).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_without_end_is_given_up_and_takes_no_memory() {
    for (begin, more) in [
        (
            "HTTP/1.1 200 OK\r\n",
            "X-Endless: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nX-Endless: ",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\nxxxxxxxxxxxxxxxx\r\n"),
        ("HTTP/1.1 503 Unavailable\r\nContent-Length: 99999999999\r\n\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ] {
        let (address, requests) = remote(begin, more).await;
        let extension = Extension::of(&address).set("PYROSCOPE_TIMEOUT", "1s").dev().await;
        let before = extension.resident();
        for number in 1..=2 {
            extension.profile("a").await;
            had(&requests, number).await;
        }
        if begin.contains("400") {
            extension.logs("refused a profile for good").await;
        } else {
            had(&requests, 3).await; // it was given up, and is tried again
        }
        let grown = extension.most_resident().saturating_sub(before);
        assert!(grown < 16 << 20, "{begin:?}: {grown} bytes");
    }
}

#[tokio::test]
async fn words_of_the_remote_are_cut_and_break_no_line() {
    let long =
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 4040\r\n\r\n\nlevel=error msg=forged\r\n\u{1b}[2J";
    let filler: &'static str = "x".repeat(4040).leak();
    let redirect: &'static str =
        format!("HTTP/1.1 302 Found\r\nLocation: http://x/{filler}\r\nContent-Length: 0\r\n\r\n").leak();
    let text: &'static str = format!("{long}{filler}").leak();
    for answer in [text, redirect] {
        let (address, _requests) = remote(answer, "").await;
        let extension = Extension::of(&address).dev().await;
        extension.profile("a").await;
        let line = extension.logs("refused a profile for good").await;
        assert!(line.len() < 1000, "{} bytes: {line}", line.len());
        assert!(!line.contains('\u{1b}'), "{line:?}");
        let forged = extension.log().iter().any(|line| line.starts_with("level=error msg=forged"));
        assert!(!forged, "{:#?}", extension.log());
    }
}

#[tokio::test]
async fn credentials_that_the_remote_sends_back_are_not_in_the_log() {
    for answer in [
        "HTTP/1.1 400 Bad Request\r\nContent-Length: LENGTH\r\n\r\nREQUEST",
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: LENGTH\r\n\r\nREQUEST",
        "HTTP/1.1 503 Unavailable\r\nContent-Length: LENGTH\r\n\r\nREQUEST",
        "HTTP/1.1 302 Found\r\nLocation: http://x/?REQUEST\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (address, requests) = remote(answer, "").await;
        let extension = Extension::of(&address)
            .set("PYROSCOPE_AUTH_TOKEN", "s3cret-t0ken")
            .set("PYROSCOPE_HTTP_HEADERS", r#"{"X-Api-Key":"s3cret-key"}"#)
            .dev()
            .await;
        assert_eq!(extension.post("/ingest?name=a", &[], "x").await.status(), 200);
        had(&requests, 1).await;
        let line = extension.logs("…").await;
        assert!(line.contains("authorization: Bearer …"), "{line}");
        let log = extension.log().join("\n");
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[tokio::test]
async fn a_retry_after_of_a_thousand_years_is_not_believed_and_sdks_are_still_served() {
    let answer = "HTTP/1.1 503 Unavailable\r\nRetry-After: 31536000000\r\nContent-Length: 0\r\n\r\n";
    let (address, requests) = remote(answer, "").await;
    let mut extension = Extension::of(&address).dev().await;
    extension.profile("a").await;
    had(&requests, 1).await;
    extension.profile("a").await;
    extension.signal(nix::sys::signal::Signal::SIGTERM);
    // A drain waits for no such word.
    had(&requests, 2).await;
    let ended = timeout(Duration::from_secs(15), extension.ends()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}
