//! The log says of each common mistake what it is and what to do about it, once.

mod support;

use std::time::Duration;

use pyroscope_sink::{Answer, Behaviour, Greeting, Options, Reaction};
use support::http::{Answering, Blackhole};
use support::{Extension, Platform, accepted, free_port, sink, sink_that, sink_with};

/// A remote that answers every profile so.
async fn answering(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    let remote = Answering::start(answer).await;
    format!("http://{}", remote.address)
}

/// What is logged about profiles that go to `remote`.
async fn told(remote: &str, line: &str) -> String {
    let extension = Extension::of(remote).set("PYROSCOPE_TIMEOUT", "2s").dev().await;
    for _ in 0..3 {
        extension.profile("app").await;
    }
    let told = extension.logs(line).await;
    assert!(told.contains("path=/ingest"), "{told}");
    told
}

#[tokio::test]
async fn what_a_remote_refuses_is_told_with_its_cure() {
    const REFUSED: &str = "refused a profile for good";
    let window =
        r#"{"code":"invalid_argument","message":"profile with labels '{}' is outside of ingestion window"}"#;
    for (status, headers, body, cure) in [
        (404, "", "404 page not found", "check the base path in PYROSCOPE_REMOTE_ADDRESS"),
        (404, "Content-Type: text/html\r\n", "<html>", "not that of Grafana"),
        (301, "Location: https://elsewhere.example\r\n", "", "redirects are not followed"),
        (413, "", "", "send profiles more often or of fewer kinds"),
        (400, "", "Client sent an HTTP request to an HTTPS server.", "write https://"),
        (400, "", window, "have the profiler flush"),
        (
            400,
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            window,
            "this machine's clock and the remote's differ",
        ),
    ] {
        let line = told(&answering(status, headers, body).await, REFUSED).await;
        assert!(line.contains(cure) && line.contains(&format!("status={status}")), "{cure}: {line}");
    }
}

#[tokio::test]
async fn credentials_that_do_not_do_are_told_with_what_is_wrong_with_them() {
    for (status, body, cure) in [
        (401, "", "the remote does not accept the credentials: check PYROSCOPE_AUTH_TOKEN"),
        (401, "no org id", "was told none: set PYROSCOPE_TENANT_ID"),
        (401, "legacy auth cannot be upgraded", "set PYROSCOPE_BASIC_AUTH_USER to the stack's user"),
        (403, "", "the scope profiles:write"),
    ] {
        told(&answering(status, "", body).await, cure).await;
    }
}

#[tokio::test]
async fn a_remote_that_can_not_be_reached_is_told_with_its_cure() {
    const NOT_YET: &str = "not delivered yet";
    let tls = sink_with(Options::default().tls()).await;
    let no_tls = sink_with(Options::default().behaviour(Behaviour::normal().greet(Greeting::TlsAlert))).await;
    let busy = answering(429, "", "push rate limit (4 MiB) exceeded").await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let silent = Blackhole::start().await;
    // No name server is asked about a label that is too long.
    let unknown = format!("http://{}.example", "x".repeat(64));
    for (remote, cure) in [
        (unknown, "the remote's name is not known: check the host in PYROSCOPE_REMOTE_ADDRESS"),
        (nobody, "check host and port in PYROSCOPE_REMOTE_ADDRESS"),
        (format!("http://{}", silent.address), "a function in a VPC needs a NAT gateway"),
        (busy, "raise the tenant's limit"),
        (tls.url(), "name a PEM file with the authority's certificate in PYROSCOPE_TLS_CA_FILE"),
        (tls.url().replace("https", "http"), "a port that takes TLS wants https://"),
        (no_tls.url().replace("http", "https"), "see that the port takes TLS"),
        (sink_that(Behaviour::normal().always(Reaction::Hang)).await.url(), "raise PYROSCOPE_TIMEOUT"),
        (answering(503, "", "").await, "profiles wait for it"),
    ] {
        let line = told(&remote, NOT_YET).await;
        assert!(line.contains(cure), "{cure}: {line}");
    }
}

#[tokio::test]
async fn a_kind_of_failure_is_told_once_whatever_comes_between() {
    let sink = sink().await;
    let answer = |code| Reaction::Answer(Answer::code(code));
    sink.behave(Behaviour::normal().next(1, answer(404)).next(1, answer(413)).next(1, answer(404)));
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").dev().await;
    for _ in 0..4 {
        extension.profile("app").await;
    }
    accepted(&sink, 1).await;
    extension.logs("profile delivered").await;
    for status in ["status=404", "status=413"] {
        assert_eq!(extension.lines(status).len(), 1, "{status}: {:#?}", extension.log());
    }
}

#[tokio::test]
async fn once_a_profile_has_been_delivered_no_line_blames_the_settings_for_the_network() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").dev().await;
    extension.profile("first").await;
    extension.logs("profile delivered").await;
    sink.refuse_connections().await;
    sink.behave(Behaviour::normal().always(Reaction::Reset)); // the kept connection goes, too
    extension.profile("second").await;
    let line = extension.logs("not delivered yet").await;
    assert!(line.contains("refused") && !line.contains("diagnosis"), "{line}");
}

#[tokio::test]
async fn an_sdk_that_posts_to_a_wrong_path_is_told_of() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    for _ in 0..3 {
        assert_eq!(extension.post("/pyroscope/render?secret=x", &[], "").await.status(), 404);
    }
    let line = extension.logs("level=warning").await;
    assert!(line.contains("path=/pyroscope/render") && line.contains("without a path"), "{line}");
    assert!(!extension.log().join("").contains("secret"), "{:#?}", extension.log());
    assert_eq!(extension.lines("level=warning").len(), 1, "{:#?}", extension.log());
}

#[tokio::test]
async fn an_end_without_any_profile_says_where_they_should_have_come_to() {
    let (platform, sink) = (Platform::start().await, sink().await);
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    platform.invoke();
    platform.asked(2).await;
    platform.shutdown(Duration::from_secs(5));
    assert_eq!(extension.ends().await.code(), Some(0));
    let line = extension.lines("no profile came from the function").remove(0);
    assert!(line.contains("PYROSCOPE_PORT"), "{line}");
}
