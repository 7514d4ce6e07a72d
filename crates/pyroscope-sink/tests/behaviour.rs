//! A sink that misbehaves on request, and waiting for what arrives.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use pyroscope_sink::{Answer, Behaviour, Reaction, Sink};
use support::{LABELS, PATIENCE, options, post, pprof, push, push_of, send, send_to, sink, status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn ingest() -> Request<Full<Bytes>> {
    post("/ingest?format=pprof&name=orders", &[], pprof())
}

/// Sends one request from a task of its own.
fn sender(sink: &Sink) -> impl Future<Output = Result<Response<Bytes>, hyper::Error>> + use<> {
    let address = sink.addr();
    async move { send_to(address, ingest()).await }
}

#[tokio::test]
async fn scripted_answers_come_in_their_order_and_then_the_server_answers() {
    let unavailable = Answer::code(503).retry_after("7").body("text/plain", "later");
    let flaky = Behaviour::normal()
        .next(2, Reaction::Answer(unavailable))
        .next(1, Reaction::Answer(Answer::code(429)));
    let sink = Sink::start(options().behaviour(flaky)).await.unwrap();

    for _ in 0..2 {
        let answer = send(&sink, ingest()).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "7");
        assert_eq!(answer.body(), "later");
    }
    assert_eq!(status(&sink, ingest()).await, 429);
    assert_eq!(status(&sink, ingest()).await, 200);

    let totals = sink.totals();
    assert_eq!((totals.requests, totals.accepted, totals.rejected, totals.profiles), (4, 1, 3, 1));
    assert_eq!(totals.statuses[&503], 2);
    assert_eq!(sink.arrivals()[0].series.len(), 1, "what a refused request held is visible all the same");
}

#[tokio::test]
async fn a_rule_decides_by_the_request() {
    let sink = sink().await;
    sink.behave(
        Behaviour::normal()
            .when(|request| request.path.starts_with("/push").then(|| Reaction::Answer(Answer::code(500)))),
    );
    assert_eq!(status(&sink, push(push_of(&LABELS, &pprof()))).await, 500);
    assert_eq!(status(&sink, ingest()).await, 200);
}

#[tokio::test]
async fn a_latency_delays_the_answer_and_not_the_arrival() {
    let sink = sink().await;
    let latency = Duration::from_millis(50);
    sink.behave(Behaviour::normal().latency(latency));
    let begun = Instant::now();
    assert_eq!(status(&sink, ingest()).await, 200);
    assert!(begun.elapsed() >= latency);

    sink.behave(Behaviour::normal().latency(PATIENCE * 10));
    let delayed = tokio::spawn(sender(&sink));
    let arrivals = sink.wait_until(|arrivals| arrivals.len() == 2, PATIENCE).await.unwrap();
    assert!(arrivals[1].is_accepted());
    assert!(!delayed.is_finished());
    delayed.abort();
}

#[tokio::test]
async fn a_sink_that_hangs_records_the_request_and_never_answers() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().next(1, Reaction::Hang));
    let hanging = tokio::spawn(sender(&sink));
    let arrivals = sink.wait_until(|arrivals| arrivals.len() == 1, PATIENCE).await.unwrap();
    assert_eq!(arrivals[0].status, None);
    assert_eq!(status(&sink, ingest()).await, 200, "others are served meanwhile");
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn a_reset_ends_the_connection_with_an_error_and_not_with_an_end() {
    let sink = sink().await;
    sink.behave(Behaviour::normal().next(1, Reaction::Reset));
    let mut stream = tokio::net::TcpStream::connect(sink.addr()).await.unwrap();
    stream.write_all(b"POST /ingest?name=a HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(sink.arrivals()[0].status, None);
}

#[tokio::test]
async fn waiting_ends_with_the_arrival_or_tells_what_there_is() {
    let sink = sink().await;
    let (arrivals, answered) =
        tokio::join!(sink.wait_until(|arrivals| arrivals.totals().samples == 2, PATIENCE), async {
            status(&sink, ingest()).await;
            status(&sink, ingest()).await
        },);
    assert_eq!((arrivals.unwrap().len(), answered), (2, 200));

    let timeout =
        sink.wait_until(|arrivals| arrivals.len() == 3, Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(timeout.totals.requests, 2);
}

#[tokio::test]
async fn a_sink_that_is_shut_down_frees_its_port() {
    let sink = sink().await;
    let address = sink.addr();
    let mut open = tokio::net::TcpStream::connect(address).await.unwrap();
    sink.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(open.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
