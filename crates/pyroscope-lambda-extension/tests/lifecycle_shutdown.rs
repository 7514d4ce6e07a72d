//! The end: everything that can still be delivered is, and the process is gone in time with code 0.

mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pyroscope_sink::{Answer, Behaviour, Reaction};
use support::http::post;
use support::{Extension, Platform, accepted, requests, sink, sink_that};

#[tokio::test]
async fn shutdown_delivers_all_that_waits() {
    let platform = Platform::start().await;
    // One after the other they would take 4 s.
    let sink = sink_that(Behaviour::normal().latency(Duration::from_millis(200))).await;
    let mut extension = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1").on(&platform).await;
    let mut sdk = extension.sdk().await;
    for _ in 0..20 {
        assert_eq!(sdk.post("/ingest?name=late", &[], b"main;work 1").await.status(), 200);
    }
    platform.shutdown(Duration::from_secs(3));
    assert_eq!(extension.ends().await.code(), Some(0));
    assert_eq!(sink.totals().accepted, 20);
    let done = extension.lines("how the profiles ended").remove(0);
    assert!(done.contains("accepted=20 delivered=20") && done.contains("lost=0"), "{done}");
    assert_eq!(platform.calls("/next").len(), 1, "it asks for nothing after the shutdown");
}

#[tokio::test]
async fn shutdown_ends_in_time_with_code_0_while_the_remote_hangs() {
    let platform = Platform::start().await;
    let sink = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    for _ in 0..3 {
        extension.profile("lost").await;
    }
    let within = Duration::from_secs(2);
    let started = Instant::now();
    platform.shutdown(within);
    assert_eq!(extension.ends().await.code(), Some(0));
    let took = started.elapsed();
    assert!(took < within, "it took {took:?}");
    assert!(took > within / 2, "it gave up after {took:?}");
    let done = extension.lines("how the profiles ended").remove(0);
    assert!(done.contains("accepted=3 delivered=0") && done.contains("lost=3"), "{done}");
}

#[tokio::test]
async fn a_profile_that_was_posted_before_the_shutdown_is_delivered_though_it_is_read_after() {
    let platform = Platform::start().await;
    let sink = sink().await;
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    let mut warm = extension.sdk().await;
    assert_eq!(warm.post("/ingest?name=first", &[], b"main;work 1").await.status(), 200);
    accepted(&sink, 1).await;
    // A function that ends sends its last profile while the extension gets no CPU time.
    extension.signal(Signal::SIGSTOP);
    // More than is read at once.
    let large = format!("main;{} 1", "x".repeat(500_000));
    warm.write(post("/ingest?name=kept", &[], large.as_bytes())).await;
    let mut cold = extension.sdk().await;
    cold.write(post("/ingest?name=fresh", &[], large.as_bytes())).await;
    platform.shutdown(Duration::from_secs(10));
    platform.said(1).await;
    extension.signal(Signal::SIGCONT);
    assert_eq!(extension.ends().await.code(), Some(0));
    let apps: Vec<_> = sink.series().into_iter().map(|series| series.app).collect();
    assert_eq!(apps, ["first", "fresh", "kept"]);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_what_the_remote_asked_to_wait_for() {
    let platform = Platform::start().await;
    let busy = Reaction::Answer(Answer::code(429).retry_after("3600"));
    let sink = sink_that(Behaviour::normal().next(1, busy)).await;
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    extension.profile("paused").await;
    requests(&sink, 1).await;
    extension.logs("not delivered yet").await;
    platform.shutdown(Duration::from_secs(10));
    assert_eq!(extension.ends().await.code(), Some(0));
    assert_eq!(sink.totals().accepted, 1);
}

#[tokio::test]
async fn shutdown_with_nothing_to_do_is_over_at_once() {
    let platform = Platform::start().await;
    let mut extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    let started = Instant::now();
    platform.shutdown(Duration::from_secs(60));
    assert_eq!(extension.ends().await.code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_signal_delivers_all_that_waits() {
    for (signal, in_lambda) in
        [(Signal::SIGTERM, false), (Signal::SIGINT, false), (Signal::SIGTERM, true), (Signal::SIGINT, true)]
    {
        let platform = Platform::start().await;
        let sink = sink_that(Behaviour::normal().latency(Duration::from_millis(100))).await;
        let setup = Extension::of(&sink.url()).set("PYROSCOPE_NUM_WORKERS", "1");
        let mut extension = if in_lambda { setup.on(&platform).await } else { setup.dev().await };
        for _ in 0..5 {
            extension.profile("late").await;
        }
        extension.signal(signal);
        assert_eq!(extension.ends().await.code(), Some(0), "{signal}");
        assert_eq!(sink.totals().accepted, 5, "{signal}");
    }
}
