//! What the extension makes of the events, and of answers that are none: nothing but the platform's own word ends it.

mod support;

use std::time::Duration;

use pyroscope_sink::{Behaviour, Reaction};
use support::profiles::session;
use support::{Extension, Platform, Reply, accepted, sink, sink_that};

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn answers_that_are_no_events_are_survived() {
    let (platform, sink) = (Platform::start().await, sink().await);
    let replies = [
        Reply::Status(403, r#"{"errorMessage":"who?","errorType":"Extension.UnknownExtensionIdentifier"}"#),
        Reply::Body("<html>".to_owned()),
        Reply::Body(String::new()),
        Reply::Bytes(""),
        Reply::Bytes("garbage\r\n\r\n"),
        Reply::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"eventType\":"),
    ];
    let count = replies.len();
    for reply in replies {
        platform.event(reply);
    }
    let mut extension = Extension::of(&sink.url()).on(&platform).await;
    platform.asked(count + 1).await;
    let line = extension.logs("can't get the next event; trying again").await;
    assert!(line.contains("Extension.UnknownExtensionIdentifier: who?"), "{line}");
    // It does its work as before.
    extension.profile("app").await;
    accepted(&sink, 1).await;
    platform.invoke();
    platform.asked(count + 2).await;
    platform.shutdown(LONG);
    assert_eq!(extension.ends().await.code(), Some(0));
}

#[tokio::test]
async fn a_platform_that_closes_its_connections_is_no_trouble() {
    let platform = Platform::start().await;
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 37\r\n\r\n{\"eventType\":\"INVOKE\",\"deadlineMs\":0}";
    for _ in 0..5 {
        platform.event(Reply::Bytes(closing));
    }
    let mut extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    platform.asked(6).await;
    platform.shutdown(LONG);
    assert_eq!(extension.ends().await.code(), Some(0));
    assert!(extension.lines("level=error").is_empty(), "{:#?}", extension.log());
}

#[tokio::test]
async fn a_500_ends_it_and_is_reported_in_the_phase_that_it_came_in() {
    for (invocations, path) in
        [(0, "/2020-01-01/extension/init/error"), (1, "/2020-01-01/extension/exit/error")]
    {
        let platform = Platform::start().await;
        for _ in 0..invocations {
            platform.invoke();
        }
        platform.event(Reply::Status(500, r#"{"errorMessage":"gone","errorType":"Container.Error"}"#));
        let mut extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
        let report = platform.called("/error", 1).await;
        assert_eq!(report.target(), path);
        assert_eq!(report.header("lambda-extension-function-error-type"), "Extension.PlatformError");
        assert_eq!(report.header("lambda-extension-identifier"), support::platform::IDENTIFIER);
        extension.ends().await;
        assert_eq!(extension.lines("the platform wants the extension to end").len(), 1);
    }
}

#[tokio::test]
async fn events_of_the_future_and_of_emulators_are_understood_as_far_as_they_go() {
    let platform = Platform::start().await;
    let events = [
        r#"{"eventType":"HIBERNATE","deadlineMs":12}"#,
        r#"{"eventType":"INVOKE","deadlineMs":0}"#,
        r#"{"eventType":"INVOKE","deadlineMs":null,"requestId":7,"tracing":[]}"#,
    ];
    for event in events {
        platform.event(Reply::Body(event.to_owned()));
    }
    let mut extension = Extension::of("http://127.0.0.1:9").on(&platform).await;
    platform.asked(events.len() + 1).await;
    assert!(extension.lines("level=error").is_empty(), "{:#?}", extension.log());
    platform.event(Reply::Body(r#"{"eventType":"SHUTDOWN","shutdownReason":"Server stopped"}"#.to_owned()));
    assert_eq!(extension.ends().await.code(), Some(0));
}

#[tokio::test]
async fn under_snapstart_the_session_id_alone_changes_at_the_first_invocation_and_never_again() {
    for (initialization, changes) in [("snap-start", true), ("on-demand", false)] {
        let (platform, sink) = (Platform::start().await, sink().await);
        let extension = Extension::of(&sink.url())
            .set("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)
            .set("PYROSCOPE_LABELS", "team=a")
            .set("PYROSCOPE_LAMBDA_LABELS", "true")
            .on(&platform)
            .await;
        for number in 1..=3 {
            extension.profile("app").await;
            accepted(&sink, number).await;
            platform.invoke();
            platform.asked(number + 1).await;
        }
        let sessions: Vec<_> = sink.arrivals().iter().map(|arrival| session(&arrival.series)).collect();
        assert_eq!(sessions[0] != sessions[1], changes, "{initialization} {sessions:?}");
        assert_eq!(sessions[1], sessions[2], "{initialization}");
        for arrival in &sink.arrivals() {
            let labels = &arrival.series[0].labels;
            assert_eq!(labels["team"], "a");
            assert_eq!(labels["aws_lambda_initialization_type"], initialization);
        }
    }
}

#[tokio::test]
async fn under_snapstart_no_connection_outlives_the_snapshot() {
    let (platform, sink) = (Platform::start().await, sink().await);
    let extension = Extension::of(&sink.url())
        .set("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
        .set("PYROSCOPE_NUM_WORKERS", "1")
        .on(&platform)
        .await;
    extension.profile("app").await;
    extension.logs("profile delivered").await;
    platform.invoke();
    platform.asked(2).await;
    extension.profile("app").await;
    accepted(&sink, 2).await;
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn an_address_that_is_none_is_told_to_sdks_and_does_not_keep_it_from_asking_for_events() {
    let platform = Platform::start().await;
    let mut extension = Extension::of("10.0.0.1:4040").on(&platform).await;
    let error = extension.lines("level=error").remove(0);
    assert!(error.contains("PYROSCOPE_REMOTE_ADDRESS=") && error.contains("no scheme"), "{error}");
    for target in ["/ingest?name=a", "/push.v1.PusherService/Push"] {
        let answer = extension.post(target, &[], "main;work 1").await;
        assert_eq!(answer.status(), 503);
        assert!(
            answer.text().contains("PYROSCOPE_REMOTE_ADDRESS=\"10.0.0.1:4040\": no scheme"),
            "{answer:?}"
        );
    }
    platform.invoke();
    platform.asked(2).await;
    platform.shutdown(LONG);
    assert_eq!(extension.ends().await.code(), Some(0));
}

#[tokio::test]
async fn an_event_is_asked_for_again_while_the_remote_hangs_and_sdks_are_served_meanwhile() {
    let (platform, sink) =
        (Platform::start().await, sink_that(Behaviour::normal().always(Reaction::Hang)).await);
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_FLUSH_BUDGET", "100ms").on(&platform).await;
    for asked in 2..=5 {
        extension.profile("app").await;
        platform.invoke();
        extension.profile("app").await;
        platform.asked(asked).await;
    }
    // Three holds in vain, then none.
    assert_eq!(extension.lines("held the next event").len(), 3);
}
