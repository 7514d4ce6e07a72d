//! Requests that are passed on to a real server; another sink stands for it.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod support;

use pyroscope_sink::{Answer, Behaviour, Reaction, Sink};
use support::{LABELS, gzip, options, post, pprof, push, push_of, send, sink, status};

async fn to(url: &str) -> Sink {
    Sink::start(options().forward(url.parse().unwrap())).await.unwrap()
}

#[tokio::test]
async fn an_accepted_request_is_passed_on_as_it_came() {
    let server = sink().await;
    let sink = to(&server.url()).await;
    let body = gzip(b"main;hot 12\n");
    let headers =
        [("x-scope-orgid", "team"), ("authorization", "Bearer t"), ("connection", "x-hop"), ("x-hop", "1")];
    assert_eq!(status(&sink, post("/ingest?name=a%7Bb%3Dc%7D&spyName=x", &headers, body.clone())).await, 200);

    let arrivals = server.arrivals();
    let passed_on = &arrivals[0].request;
    assert_eq!((passed_on.method.as_str(), passed_on.path.as_str()), ("POST", "/ingest"));
    assert_eq!(passed_on.query.as_deref(), Some("name=a%7Bb%3Dc%7D&spyName=x"));
    assert_eq!(passed_on.body, body);
    assert_eq!((passed_on.header("x-scope-orgid"), passed_on.header("authorization")), ("team", "Bearer t"));
    assert_eq!(passed_on.header("host"), server.addr().to_string());
    assert_eq!((passed_on.header("x-hop"), passed_on.header("connection")), ("", ""));
    assert_eq!(sink.series(), server.series());
}

#[tokio::test]
async fn the_servers_own_status_is_the_answer() {
    let server = sink().await;
    let sink = to(&server.url()).await;
    server.behave(Behaviour::normal().next(1, Reaction::Answer(Answer::code(429).retry_after("7"))));
    let answer = send(&sink, push(push_of(&LABELS, &pprof()))).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert!(!sink.arrivals()[0].stored && sink.series().is_empty());
}

#[tokio::test]
async fn what_is_refused_here_is_not_passed_on() {
    let server = sink().await;
    let sink = to(&server.url()).await;
    assert_eq!(status(&sink, post("/ingest?name=x", &[], "broken")).await, 422);
    assert_eq!(status(&sink, post("/elsewhere", &[], "")).await, 404);
    assert!(server.arrivals().is_empty());
}

#[tokio::test]
async fn a_path_in_the_url_comes_before_the_requests_own() {
    let server = sink().await;
    let sink = to(&format!("{}/base/", server.url())).await;
    assert_eq!(status(&sink, push(push_of(&LABELS, &pprof()))).await, 404);
    assert_eq!(server.arrivals()[0].request.path, "/base/push.v1.PusherService/Push");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_a_bad_gateway() {
    let server = sink().await;
    server.refuse_connections().await;
    let sink = to(&server.url()).await;
    let answer = send(&sink, push(push_of(&LABELS, &pprof()))).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(String::from_utf8_lossy(answer.body()).contains(&server.addr().to_string()), "{answer:?}");
}
