//! Every profile that goes out carries the session id of its environment, on each wire format; nothing else changes.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;

use pyroscope_sink::{Series, Sink};
use support::profiles::{PUSH_JSON, gzip, otlp, pprof, push, recorded, session, sink_of_that_time};
use support::{Connection, Extension, PATIENCE, accepted, sink};

const PUSH: &str = "/push.v1.PusherService/Push";
const OTLP: &str = "/v1development/profiles";

type Headers<'a> = &'a [(&'a str, &'a str)];

fn without_session(series: &[Series]) -> Vec<Series> {
    let mut series = series.to_vec();
    for series in &mut series {
        series.labels.remove("__session_id__");
    }
    series
}

/// Posts the same to a server and to an extension in front of another, and compares what arrives; gives the session id.
async fn compare(
    direct: &Sink,
    sink: &Sink,
    extension: &Extension,
    (target, headers, body): (&str, Headers<'_>, &[u8]),
) -> String {
    let before = direct.arrivals().len();
    let mut connection = Connection::open(direct.addr()).await;
    assert_eq!(connection.post(target, headers, body).await.status(), 200, "{target}");
    assert_eq!(extension.post(target, headers, body).await.status(), 200, "{target}");
    let relayed = sink.wait_until(|arrivals| arrivals.len() > before, PATIENCE).await.unwrap();
    let (direct, relayed) = (&direct.arrivals()[before], &relayed[before]);
    assert!(relayed.is_accepted(), "{relayed:?}");
    assert!(!direct.series.is_empty(), "{target}");
    assert_eq!(without_session(&relayed.series), without_session(&direct.series), "{target}");
    for name in ["content-type", "content-encoding", "user-agent"] {
        assert_eq!(relayed.request.header(name), direct.request.header(name), "{target} {name}");
    }
    session(&relayed.series)
}

#[tokio::test]
async fn requests_of_real_sdks_gain_the_session_id_and_nothing_else() {
    let (direct, sink) = (sink_of_that_time().await, sink_of_that_time().await);
    let extension = Extension::of(&sink.url()).dev().await;
    let mut sessions = BTreeSet::new();
    for request in recorded() {
        let headers = request.headers();
        let sent = (request.target.as_str(), headers.as_slice(), request.body.as_slice());
        sessions.insert(compare(&direct, &sink, &extension, sent).await);
    }
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}

#[tokio::test]
async fn every_wire_format_gains_the_session_id_and_nothing_else() {
    let (direct, sink) = (sink().await, sink().await);
    let extension = Extension::of(&sink.url()).dev().await;
    let (proto, json) = (("content-type", "application/proto"), ("content-type", "application/json"));
    let (protobuf, packed) = (("content-type", "application/x-protobuf"), ("content-encoding", "gzip"));
    let dotted = "/ingest?name=my/app.lambda%7Botel.scope.name%3Dx.y%2Ca%3Db%7D&format=pprof";
    let cases: [(&str, Headers, Vec<u8>); 10] = [
        (dotted, &[], pprof()),
        ("/pyroscope/ingest?name=a%7B%7D&format=pprof", &[], gzip(&pprof())),
        ("/ingest?name=a{b=c,d=e}&format=pprof", &[], pprof()),
        ("/ingest?name=a{b=d\u{e9}j\u{e0}}&format=pprof", &[], pprof()),
        (PUSH, &[proto], push()),
        (PUSH, &[proto, packed], gzip(&push())),
        (PUSH, &[json], PUSH_JSON.as_bytes().to_vec()),
        (PUSH, &[("content-type", "application/json; charset=utf-8"), packed], gzip(PUSH_JSON.as_bytes())),
        (OTLP, &[protobuf], otlp()),
        (OTLP, &[protobuf, packed], gzip(&otlp())),
    ];
    let mut sessions = BTreeSet::new();
    for (target, headers, body) in &cases {
        sessions.insert(compare(&direct, &sink, &extension, (target, headers, body)).await);
    }
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}

#[tokio::test]
async fn two_processes_on_one_host_have_different_session_ids() {
    let sink = sink().await;
    let mut sessions = BTreeSet::new();
    for arrived in 1..=2 {
        let extension = Extension::of(&sink.url()).set("HOSTNAME", "169.254.76.1").dev().await;
        extension.profile("app").await;
        sessions.insert(session(&accepted(&sink, arrived).await[arrived - 1].series));
    }
    assert_eq!(sessions.len(), 2, "{sessions:?}");
}

#[tokio::test]
async fn the_session_id_of_the_sdk_stands() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    extension.profile("app%7B__session_id__%3D0123456789abcdef%7D").await;
    assert_eq!(session(&accepted(&sink, 1).await[0].series), "0123456789abcdef");
}

#[tokio::test]
async fn a_query_keeps_every_byte_but_those_of_its_name() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    for (index, (before, after)) in [
        ("from=1&a;b=c;d&", "&units=samples;x"),
        ("", "&x=%2f%2F%zz%&&=&y=+%20+"),
        ("spyName=gospy&a=b=c&", "&Name=other&name"),
        ("plain=~!$'()*,:@/?|^`&", "&flag&sampleRate=100"),
    ]
    .into_iter()
    .enumerate()
    {
        let target = format!("/ingest?{before}name=app%7Bk%3Dv%7D{after}");
        assert_eq!(extension.post(&target, &[], "main;work 1").await.status(), 200, "{target}");
        let arrivals = support::requests(&sink, index + 1).await;
        let query = arrivals[index].request.query.clone().unwrap();
        let name = query.strip_prefix(before).and_then(|query| query.strip_suffix(after));
        let name = name.unwrap_or_else(|| panic!("{target} became {query}"));
        assert!(name.starts_with("name=app%7B") && name.contains("__session_id__"), "{name}");
    }
}

#[tokio::test]
async fn what_can_not_be_labelled_goes_on_as_it_came() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    let (proto, packed) = (("content-type", "application/proto"), ("content-encoding", "gzip"));
    let cases: [(&str, Headers, &[u8]); 5] = [
        (PUSH, &[proto, packed], b"no gzip at all"),
        (PUSH, &[("content-type", "application/json")], b"{\"series\":"),
        (PUSH, &[proto, ("content-encoding", "zstd")], b"(\xb5/\xfd"),
        (OTLP, &[("content-type", "application/x-protobuf")], b"\xff\xff\xff"),
        ("/ingest?format=pprof", &[], b"no name"),
    ];
    for (index, (target, headers, body)) in cases.into_iter().enumerate() {
        assert_eq!(extension.post(target, headers, body).await.status(), 200, "{target}");
        let arrivals = support::requests(&sink, index + 1).await;
        assert_eq!(arrivals[index].request.body, body, "{target}");
        let query = arrivals[index].request.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        assert_eq!(format!("{}{query}", arrivals[index].request.path), target);
    }
}

/// The labels of a series that it has from the extension, the session id aside.
fn added_to(series: &Series) -> Vec<(&str, &str)> {
    let own = ["__name__", "__session_id__", "service_name", "service.name", "a"];
    let labels = series.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    labels.filter(|(name, _)| !own.contains(name)).collect()
}

/// An extension in a Lambda that it is to tell of in labels.
async fn labelling(sink: &Sink) -> Extension {
    Extension::of(&sink.url())
        .set("PYROSCOPE_LABELS", "team=a=b/\u{e9} c,env=prod,__x__=1,half={a}")
        .set("PYROSCOPE_LAMBDA_LABELS", "true")
        .set("AWS_LAMBDA_FUNCTION_NAME", "orders-fn")
        .set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .set("AWS_REGION", "eu-west-1")
        .set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .dev()
        .await
}

#[tokio::test]
async fn configured_labels_arrive_on_every_wire_format() {
    let sink = sink().await;
    let extension = labelling(&sink).await;
    let (proto, json) = (("content-type", "application/proto"), ("content-type", "application/json"));
    let (protobuf, packed) = (("content-type", "application/x-protobuf"), ("content-encoding", "gzip"));
    let cases: [(&str, Headers, Vec<u8>); 8] = [
        ("/ingest?name=app&format=pprof", &[], pprof()),
        ("/pyroscope/ingest?name=app%7Ba%3Db%7D&format=pprof", &[], gzip(&pprof())),
        (PUSH, &[proto], push()),
        (PUSH, &[proto, packed], gzip(&push())),
        (PUSH, &[json], PUSH_JSON.as_bytes().to_vec()),
        (PUSH, &[json, packed], gzip(PUSH_JSON.as_bytes())),
        (OTLP, &[protobuf], otlp()),
        (OTLP, &[protobuf, packed], gzip(&otlp())),
    ];
    let expected = [
        ("aws_lambda_initialization_type", "on-demand"),
        ("cloud_region", "eu-west-1"),
        ("env", "prod"),
        ("faas_max_memory", "536870912"),
        ("faas_name", "orders-fn"),
        ("faas_version", "$LATEST"),
        ("host_arch", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }),
        ("team", "a=b/\u{e9} c"),
    ];
    for (index, (target, headers, body)) in cases.iter().enumerate() {
        assert_eq!(extension.post(target, headers, body).await.status(), 200, "{target}");
        let arrivals = accepted(&sink, index + 1).await;
        assert!(!arrivals[index].series.is_empty());
        for series in &arrivals[index].series {
            assert_eq!(added_to(series), expected, "{target} {headers:?}");
        }
        session(&arrivals[index].series);
    }
    let told = extension.lines("PYROSCOPE_LABELS").join("\n");
    assert!(told.contains("__x__=1") && told.contains("half={a}"), "{told}");
}

#[tokio::test]
async fn a_label_of_the_sdk_stands_whatever_is_configured() {
    let sink = sink().await;
    let extension = labelling(&sink).await;
    extension.profile("app%7Benv%3Dmine%2Cfaas.name%3Dmine%7D").await;
    let labels = &accepted(&sink, 1).await[0].series[0].labels;
    assert_eq!((labels["env"].as_str(), labels["faas.name"].as_str()), ("mine", "mine"));
    assert_eq!((labels.get("faas_name"), labels["team"].as_str()), (None, "a=b/\u{e9} c"));

    // The sink takes this one without a look at it.
    let body = r#"{"resourceProfiles":[{"resource":{"attributes":[{"key":"env","value":{"stringValue":"mine"}}]}}]}"#;
    let json = [("content-type", "application/json")];
    assert_eq!(extension.post(OTLP, &json, body).await.status(), 200);
    let arrival = accepted(&sink, 2).await[1].clone();
    let body = String::from_utf8_lossy(&arrival.request.body);
    assert!(body.contains(r#"{"key":"cloud_region","value":{"stringValue":"eu-west-1"}}"#), "{body}");
    assert_eq!(body.matches(r#""env""#).count(), 1, "{body}");
}

#[tokio::test]
async fn labels_that_a_profile_has_no_room_for_are_left_out_and_named() {
    let sink = sink().await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_LABELS", "team=a,env=prod").dev().await;
    let own: Vec<_> = (0..24).map(|number| format!("own{number}%3Dx")).collect();
    let app = format!("app%7B{}%7D", own.join("%2C"));
    for _ in 0..3 {
        extension.profile(&app).await;
    }
    let arrivals = accepted(&sink, 3).await;
    assert_eq!(arrivals[2].series[0].labels["team"], "a");
    assert_eq!(arrivals[2].series[0].labels.get("env"), None);
    let line = extension.logs("left out").await;
    assert!(line.contains("labels=env") && line.contains("level=warning"), "{line}");
    assert_eq!(extension.lines("left out").len(), 1, "a warning that repeats is not repeated");
}
