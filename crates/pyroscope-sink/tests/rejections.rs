//! What a server refuses, with the status that it refuses it with.

mod support;

use http::Request;
use http_body_util::Full;
use pyroscope_sink::{Credentials, Limits, Refusal, Sink};
use serde_json::Value;
use support::{
    LABELS, gzip, options, post, pprof, pprof_at, pprof_with, push, push_of, recent_nanos, send, sink, status,
};

const HOUR: i64 = 3_600_000_000_000;
const PUSH: &str = "/push.v1.PusherService/Push";

#[tokio::test]
async fn a_path_that_the_server_does_not_have_is_404() {
    let sink = sink().await;
    for path in ["/", "//ingest", "/ingest/", "/push.v1.PusherService/Pull", "/v1/profiles"] {
        assert_eq!(status(&sink, post(path, &[], "")).await, 404, "{path}");
    }
    assert!(matches!(sink.arrivals()[0].refusal, Some(Refusal::UnknownPath(_))));
}

#[tokio::test]
async fn a_method_other_than_post_is_405() {
    let sink = sink().await;
    for path in ["/ingest?name=a", PUSH, "/v1development/profiles"] {
        let request = Request::get(path).header("host", "x").body(Full::default()).unwrap();
        assert_eq!(status(&sink, request).await, 405, "{path}");
    }
}

#[tokio::test]
async fn an_ingest_is_400_for_its_name_and_422_for_everything_else() {
    let long = format!("/ingest?format=pprof&name=a%7Bb%3D{}%7D", "v".repeat(2049));
    let cases = [
        ("/ingest?format=pprof", pprof(), 400),
        ("/ingest?format=pprof&name=my%20app", pprof(), 400),
        ("/ingest?format=pprof&name=a%7Bb-c%3Dd%7D", pprof(), 400),
        ("/ingest?format=pprof&name=a", b"no profile".to_vec(), 422),
        ("/ingest?format=pprof&name=a", vec![0x1f, 0x8b, 8], 422),
        ("/ingest?format=pprof&name=a", pprof_at(recent_nanos() - HOUR), 422),
        ("/ingest?format=pprof&name=a", pprof_at(recent_nanos() + HOUR), 422),
        ("/ingest?format=pprof&name=a", pprof_with(recent_nanos(), "c-pu"), 422),
        ("/ingest?format=folded&name=a", b"main;hot".to_vec(), 422),
        ("/ingest?format=folded&name=a&from=1795330000", b"main;hot 1".to_vec(), 422),
        ("/ingest?format=folded&name=a&from=1795338200", b"main;hot 1".to_vec(), 200),
        (&long, pprof(), 422),
    ];
    let sink = sink().await;
    for (path, body, expected) in cases {
        assert_eq!(status(&sink, post(path, &[], body)).await, expected, "{path}");
    }
    let answer = send(&sink, post("/ingest?format=pprof&name=a", &[], "no")).await.unwrap();
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(body["message"].as_str().unwrap().starts_with("invalid_argument: "), "{body}");
}

#[tokio::test]
async fn a_profile_without_a_time_is_judged_by_from() {
    let sink = sink().await;
    for (from, expected) in [("1795338200", 200), ("1795338200000000000", 200), ("1795330000", 422)] {
        let path = format!("/ingest?format=pprof&name=a&from={from}");
        assert_eq!(status(&sink, post(&path, &[], pprof_at(0))).await, expected, "{from}");
    }
    assert_eq!(status(&sink, push(push_of(&LABELS, &pprof_at(0)))).await, 200);
}

#[tokio::test]
async fn a_push_is_400_for_its_labels_and_profiles() {
    let with = |name, value| vec![LABELS[0], LABELS[1], (name, value)];
    let (long_name, long_value) = ("n".repeat(1025), "v".repeat(2049));
    let names: Vec<_> = (0..29).map(|number| format!("l{number}")).collect();
    let many = [&LABELS[..], &names.iter().map(|name| (name.as_str(), "v")).collect::<Vec<_>>()].concat();
    let recent = pprof();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("30 labels", push_of(&many[..30], &recent), 200),
        ("31 labels", push_of(&many, &recent), 400),
        ("a label twice", push_of(&with("service_name", "orders"), &recent), 400),
        (
            "a session id twice",
            push_of(
                &[
                    LABELS[0],
                    LABELS[1],
                    ("__session_id__", "0123456789abcdef"),
                    ("__session_id__", "0123456789abcdef"),
                ],
                &recent,
            ),
            400,
        ),
        ("a name with a dot", push_of(&with("otel.scope.name", "x"), &recent), 200),
        ("a name with a dash", push_of(&with("a-b", "x"), &recent), 400),
        ("a name with a digit first", push_of(&with("1a", "x"), &recent), 400),
        ("a name of 1025 bytes", push_of(&with(&long_name, "x"), &recent), 400),
        ("a value of 2049 bytes", push_of(&with("a", &long_value), &recent), 400),
        ("no labels", push_of(&[], &recent), 400),
        ("no __name__", push_of(&LABELS[1..], &recent), 400),
        ("no service_name", push_of(&LABELS[..1], &recent), 200),
        ("an old profile", push_of(&LABELS, &pprof_at(recent_nanos() - HOUR)), 400),
        ("a profile of the future", push_of(&LABELS, &pprof_at(recent_nanos() + HOUR)), 400),
        ("a broken profile", push_of(&LABELS, b"no profile"), 400),
        ("no series", Vec::new(), 400),
        ("no message", b"\xff\xff".to_vec(), 400),
    ];
    let sink = sink().await;
    for (what, body, expected) in cases {
        let answer = send(&sink, push(body)).await.unwrap();
        assert_eq!(answer.status(), expected, "{what}");
        if expected == 400 {
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(body["code"], "invalid_argument", "{what}");
            assert!(!body["message"].as_str().unwrap().is_empty(), "{what}");
        }
    }
    assert_eq!(sink.totals().accepted, 3);
    assert_eq!(sink.arrivals().rejected().count(), 14);
}

#[tokio::test]
async fn a_push_in_a_type_or_encoding_that_connect_does_not_know_is_refused() {
    let sink = sink().await;
    let body = push_of(&LABELS, &pprof());
    assert_eq!(status(&sink, post(PUSH, &[("content-type", "text/plain")], body.clone())).await, 415);
    assert_eq!(status(&sink, post(PUSH, &[], body.clone())).await, 415);
    let brotli = [("content-type", "application/proto"), ("content-encoding", "br")];
    assert_eq!(status(&sink, post(PUSH, &brotli, body.clone())).await, 501);
    let plain_as_gzip = [("content-type", "application/proto"), ("content-encoding", "gzip")];
    assert_eq!(status(&sink, post(PUSH, &plain_as_gzip, body)).await, 400);
    assert_eq!(status(&sink, post(PUSH, &[("content-type", "application/json")], "{")).await, 400);
}

#[tokio::test]
async fn a_body_that_is_too_large_has_the_status_of_its_endpoint() {
    let sink = Sink::start(options().limits(Limits { body_bytes: 1000, ..Limits::default() })).await.unwrap();
    let body = vec![0; 1001];
    assert_eq!(status(&sink, post("/ingest?name=a", &[], body.clone())).await, 413);
    assert_eq!(status(&sink, push(body.clone())).await, 429);
    assert_eq!(status(&sink, post("/v1development/profiles", &[], body)).await, 413);
    let headers = [("content-type", "application/proto"), ("content-encoding", "gzip")];
    assert_eq!(status(&sink, post(PUSH, &headers, gzip(&vec![0; 100_000]))).await, 429, "once uncompressed");
}

#[tokio::test]
async fn a_profile_that_is_too_large_uncompressed_is_refused() {
    let sink = sink().await;
    let bomb = gzip(&vec![0; (4 << 20) + 1]);
    assert_eq!(status(&sink, post("/ingest?format=pprof&name=a", &[], bomb.clone())).await, 422);
    assert_eq!(status(&sink, push(push_of(&LABELS, &bomb))).await, 400);
    for arrival in &sink.arrivals() {
        assert_eq!(arrival.refusal, Some(Refusal::ProfileTooLarge { limit: 4 << 20 }));
    }
}

#[tokio::test]
async fn requests_without_the_wanted_credentials_are_401() {
    let basic = Credentials::Basic { user: "u".into(), password: "p".into() };
    let cases = [
        (options().credentials(basic), ("authorization", "Basic dTpw"), ("authorization", "Basic dTp4")),
        (
            options().credentials(Credentials::Bearer("t".into())),
            ("authorization", "Bearer t"),
            ("authorization", "Bearer x"),
        ),
        (options().tenant("one"), ("x-scope-orgid", "one"), ("x-scope-orgid", "two")),
    ];
    for (options, right, wrong) in cases {
        let sink = Sink::start(options).await.unwrap();
        for (headers, expected) in [(&[right][..], 200), (&[wrong], 401), (&[], 401)] {
            let request = post("/ingest?format=pprof&name=a", headers, pprof());
            assert_eq!(status(&sink, request).await, expected, "{headers:?}");
        }
        let answer = send(&sink, push(push_of(&LABELS, &pprof()))).await.unwrap();
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((answer.status().as_u16(), body["code"].as_str()), (401, Some("unauthenticated")));
    }
}

#[tokio::test]
async fn an_opentelemetry_request_of_another_type_is_415() {
    let sink = sink().await;
    assert_eq!(
        status(&sink, post("/v1development/profiles", &[("content-type", "text/plain")], "")).await,
        415
    );
    let broken = post("/v1development/profiles", &[("content-type", "application/x-protobuf")], "\u{7f}");
    assert_eq!(status(&sink, broken).await, 400);
}
