//! The log never holds a secret, at whatever level.

mod support;

use std::time::Duration;

use pyroscope_sink::{Answer, Behaviour, Reaction};
use support::platform::IDENTIFIER;
use support::{Extension, Platform, Reply, accepted, sink_that};

#[tokio::test]
async fn no_identifier_and_no_secret_is_in_the_log_at_trace_level() {
    let platform = Platform::start().await;
    // Both what goes well and what doesn't has its chance to say too much.
    let answer = |code| Reaction::Answer(Answer::code(code));
    let behaviour = Behaviour::normal().next(1, answer(503)).next(1, Reaction::Reset).next(1, answer(400));
    let sink = sink_that(behaviour).await;
    let secrets = [
        "s3cret-of-address",
        "s3cret-t0ken",
        "s3cret-passw0rd",
        "s3cret-header",
        "s3cret-half",
        "s3cret-of-the-sdk",
        "s3cret-cookie",
        "s3cret-profile",
    ];
    let remote = sink.url().replace("http://", "http://user:s3cret-of-address@");
    let mut extension = Extension::of(&remote)
        .set("PYROSCOPE_AUTH_TOKEN", "s3cret-t0ken")
        .set("PYROSCOPE_BASIC_AUTH_USER", "user")
        .set("PYROSCOPE_BASIC_AUTH_PASSWORD", "s3cret-passw0rd")
        .set("PYROSCOPE_HTTP_HEADERS", r#"{"X-Key":"s3cret-header","Bad Name":"s3cret-half"}"#)
        .set("PYROSCOPE_TIMEOUT", "nonsense")
        .on(&platform)
        .await;
    let headers = [("Authorization", "Bearer s3cret-of-the-sdk"), ("Cookie", "id=s3cret-cookie")];
    for number in 0..3 {
        let body = "main;s3cret-profile 1";
        assert_eq!(extension.post("/ingest?name=a", &headers, body).await.status(), 200);
        platform.invoke();
        platform.asked(number + 2).await;
    }
    assert_eq!(extension.post("/nowhere", &headers, "").await.status(), 404);
    let mut broken = extension.sdk().await;
    broken
        .write("POST /ingest HTTP/1.1\r\nAuthorization: s3cret-of-the-sdk\r\nContent-Length: x\r\n\r\n")
        .await;
    assert_eq!(broken.answer().await.status(), 400);
    accepted(&sink, 2).await;
    platform.event(Reply::Status(403, "{}"));
    platform.asked(5).await;
    platform.shutdown(Duration::from_secs(10));
    assert_eq!(extension.ends().await.code(), Some(0));

    let log = extension.log().join("\n");
    for told in ["level=debug", "PYROSCOPE_TIMEOUT", "not delivered yet", "refused a profile for good"] {
        assert!(log.contains(told), "{told}: {log}");
    }
    for secret in secrets.into_iter().chain([IDENTIFIER, "s3cret", "dXNlc", "http://user"]) {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
