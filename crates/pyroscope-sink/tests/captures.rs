//! Requests of real SDKs.

mod support;

use pyroscope_sink::{SampleType, Selection, SessionId};
use support::{captured, send, sink};

fn sample_type(kind: &str, unit: &str) -> SampleType {
    SampleType { kind: kind.into(), unit: unit.into() }
}

#[tokio::test]
async fn what_the_node_sdk_sends_is_taken_and_decoded() {
    let sink = sink().await;
    for capture in
        [&include_bytes!("captures/node-0.6-1.http")[..], &include_bytes!("captures/node-0.6-3.http")[..]]
    {
        assert_eq!(send(&sink, captured(capture)).await.unwrap().status(), 200);
    }

    let series = sink.series();
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].app, "orders.lambda");
    assert_eq!(series[0].profiles, 2);
    assert_eq!(series[0].labels["otel.scope.name"], "com.grafana.pyroscope/nodejs");
    assert_eq!(series[0].labels["a"], "b");
    assert!(series[0].values[&sample_type("cpu", "nanoseconds")] > 0);
    assert!(series[0].values[&sample_type("wall", "nanoseconds")] > 0);
    assert_eq!(series[0].sessions.iter().collect::<Vec<_>>(), [&SessionId::Absent]);
}

#[tokio::test]
async fn what_the_python_sdk_sends_is_taken_and_decoded() {
    let sink = sink().await;
    let answer = send(&sink, captured(include_bytes!("captures/python-1.4-1.http"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/proto");

    let series = sink.series();
    assert_eq!(series[0].app, "orders.lambda");
    assert_eq!(series[0].labels["__name__"], "memory");
    let kinds: Vec<_> = series[0].values.keys().map(ToString::to_string).collect();
    assert_eq!(
        kinds,
        ["alloc_objects:count", "alloc_space:bytes", "inuse_objects:count", "inuse_space:bytes"]
    );
    let folded = sink.folded(&Selection::all().profile_type("alloc_space"));
    assert!(folded.contains("<module>;hot"), "{folded}");
}

#[tokio::test]
async fn what_the_rust_sdk_sends_is_taken_and_decoded() {
    let sink = sink().await;
    assert_eq!(send(&sink, captured(include_bytes!("captures/rust-2-2.http"))).await.unwrap().status(), 200);

    let arrivals = sink.arrivals();
    assert_eq!(arrivals[0].series.len(), 1);
    assert_eq!(arrivals[0].series[0].labels["env"], "dev");
    assert_eq!(arrivals[0].series[0].samples(), 3);
    assert!(sink.folded(&Selection::all()).contains(";t::main "));
}
