//! Each way to write profiles is taken and decoded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod support;

use base64::{Engine, prelude::BASE64_STANDARD};
use pyroscope_sink::{Format, Selection, SessionId, Sink};
use support::{LABELS, Message, gzip, options, post, pprof, push, push_of, recent_nanos, send, sink, status};

/// The folded stacks of what arrived.
fn folded(sink: &Sink) -> String {
    sink.folded(&Selection::all())
}

fn multipart(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head =
            format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--b0--\r\n");
    body
}

const MULTIPART: [(&str, &str); 1] = [("content-type", "multipart/form-data; boundary=b0")];

#[tokio::test]
async fn a_pprof_as_the_body_of_an_ingest_is_decoded_with_gzip_and_without() {
    for (path, body) in [("/ingest", pprof()), ("/pyroscope/ingest", gzip(&pprof()))] {
        let sink = sink().await;
        let request = post(&format!("{path}?format=pprof&name=orders%7Ba%3Db%7D"), &[], body.clone());
        assert_eq!(status(&sink, request).await, 200);
        assert_eq!(folded(&sink), "main;hot 12\n");

        let arrivals = sink.arrivals();
        let series = &arrivals[0].series[0];
        assert_eq!(series.app, "orders");
        assert_eq!(series.labels["__name__"], "orders");
        assert_eq!(series.labels["a"], "b");
        assert_eq!(series.uncompressed_bytes(), pprof().len());
        assert_eq!(arrivals[0].request.body, body);
        assert_eq!(arrivals[0].request.query.as_deref(), Some("format=pprof&name=orders%7Ba%3Db%7D"));
    }
}

#[tokio::test]
async fn an_ingest_ignores_the_content_encoding() {
    let sink = sink().await;
    let request = post("/ingest?format=pprof&name=orders", &[("content-encoding", "gzip")], pprof());
    assert_eq!(status(&sink, request).await, 200);
    assert_eq!(folded(&sink), "main;hot 12\n");
}

#[tokio::test]
async fn a_multipart_pprof_is_decoded_with_its_sample_type_config() {
    let sink = sink().await;
    let body =
        multipart(&[("profile", &gzip(&pprof())), ("sample_type_config", br#"{"cpu":{"units":"ns"}}"#)]);
    assert_eq!(status(&sink, post("/ingest?name=orders&spyName=gospy", &MULTIPART, body)).await, 200);
    assert_eq!(folded(&sink), "main;hot 12\n");
    let arrivals = sink.arrivals();
    let config = arrivals[0].series[0].profiles[0].sample_type_config.as_ref().unwrap();
    assert_eq!(config["cpu"]["units"], "ns");
}

#[tokio::test]
async fn a_multipart_jfr_is_listed_with_its_size() {
    let sink = sink().await;
    let body = multipart(&[("jfr", &gzip(&[7; 1000])), ("labels", &gzip(b"x"))]);
    assert_eq!(
        status(&sink, post("/ingest?name=orders&format=jfr&spyName=javaspy", &MULTIPART, body)).await,
        200
    );
    let arrivals = sink.arrivals();
    let profile = &arrivals[0].series[0].profiles[0];
    assert_eq!((profile.format, profile.uncompressed_bytes), (Format::Jfr, 1000));
}

#[tokio::test]
async fn folded_stacks_are_decoded_as_samples() {
    let sink = sink().await;
    let lines = b"main;hot 12\nmain;_ZN4core3fmt5write17h0123456789abcdefE 3\n\n";
    assert_eq!(status(&sink, post("/ingest?name=orders&format=folded", &[], &lines[..])).await, 200);
    assert_eq!(status(&sink, post("/ingest?name=orders&format=folded", &[], gzip(lines))).await, 200);
    assert_eq!(folded(&sink), "main;core::fmt::write 6\nmain;hot 24\n");
    assert_eq!(sink.series()[0].values.keys().next().unwrap().to_string(), "samples:count");
}

#[tokio::test]
async fn a_push_is_decoded_in_protobuf_and_in_json_with_gzip_and_without() {
    let json = format!(
        r#"{{"series":[{{"labels":[{{"name":"__name__","value":"process_cpu"}},{{"name":"service_name","value":"orders"}}],
        "samples":[{{"rawProfile":"{}","ID":"x"}}]}}]}}"#,
        BASE64_STANDARD.encode(gzip(&pprof()))
    );
    let proto = push_of(&LABELS, &gzip(&pprof()));
    let cases = [
        ("application/proto", None, proto.clone(), ""),
        ("application/proto", Some("gzip"), gzip(&proto), ""),
        ("application/json", None, json.clone().into_bytes(), "{}"),
        ("application/json; charset=utf-8", Some("gzip"), gzip(json.as_bytes()), "{}"),
    ];
    for (content_type, encoding, body, reply) in cases {
        let sink = sink().await;
        let mut headers = vec![("content-type", content_type)];
        headers.extend(encoding.map(|encoding| ("content-encoding", encoding)));
        let answer = send(&sink, post("/push.v1.PusherService/Push", &headers, body)).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, reply.as_bytes()), "{content_type}");
        assert_eq!(folded(&sink), "main;hot 12\n", "{content_type}");
        assert_eq!(sink.series()[0].app, "orders");
    }
}

#[tokio::test]
async fn profiles_of_opentelemetry_are_decoded() {
    let sink = sink().await;
    let attribute =
        |key: &str, value: &str| Message::new().bytes(1, key).bytes(2, Message::new().bytes(1, value));
    let resource =
        Message::new().bytes(1, attribute("service.name", "orders")).bytes(1, attribute("env", "dev"));
    let profile = Message::new()
        .bytes(1, Message::new().int(1, 1).int(2, 2))
        .bytes(2, Message::new().int(1, 1).bytes(4, [12]))
        .fixed64(3, recent_nanos().cast_unsigned());
    let mut dictionary = Message::new()
        .bytes(2, Message::new())
        .bytes(2, Message::new().bytes(3, Message::new().int(1, 1)))
        .bytes(2, Message::new().bytes(3, Message::new().int(1, 2)))
        .bytes(3, Message::new())
        .bytes(3, Message::new().int(1, 3))
        .bytes(3, Message::new().int(1, 4));
    for string in ["", "cpu", "nanoseconds", "main", "hot"] {
        dictionary = dictionary.bytes(5, string);
    }
    let dictionary = dictionary.bytes(7, Message::new()).bytes(7, Message::new().bytes(1, [2, 1]));
    let request = Message::new()
        .bytes(1, Message::new().bytes(1, resource).bytes(2, Message::new().bytes(2, profile)))
        .bytes(2, dictionary)
        .done();
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
    assert_eq!(status(&sink, post("/v1development/profiles", &headers, gzip(&request))).await, 200);
    assert_eq!(folded(&sink), "main;hot 12\n");
    assert_eq!(sink.series()[0].app, "orders");
    assert_eq!(sink.series()[0].labels["env"], "dev");
}

#[tokio::test]
async fn series_are_merged_without_the_session_id_and_told_apart_with_it() {
    let sink = sink().await;
    for id in ["0123456789abcdef", "fedcba9876543210", "0123456789ABCDEF"] {
        let labels = [LABELS[0], LABELS[1], ("__session_id__", id)];
        assert_eq!(status(&sink, push(push_of(&labels, &pprof()))).await, 200);
    }
    let merged = sink.series();
    assert_eq!((merged.len(), merged[0].profiles, merged[0].samples), (1, 3, 3));
    assert!(merged[0].sessions.contains(&SessionId::Valid("0123456789abcdef".into())));
    assert!(merged[0].sessions.contains(&SessionId::Malformed("0123456789ABCDEF".into())));
    assert_eq!(sink.arrivals().series_by_session().len(), 3);
}

#[tokio::test]
async fn a_sink_that_only_counts_keeps_the_sums_and_neither_bodies_nor_stacks() {
    let sink = Sink::start(options().counts_only()).await.unwrap();
    let body = push_of(&LABELS, &pprof());
    let sent = body.len();
    assert_eq!(status(&sink, push(body)).await, 200);

    let totals = sink.totals();
    assert_eq!((totals.samples, totals.body_bytes, totals.uncompressed_bytes), (1, sent, pprof().len()));
    assert_eq!(sink.series()[0].values.values().collect::<Vec<_>>(), [&12]);
    let arrivals = sink.arrivals();
    assert!(arrivals[0].request.body.is_empty());
    assert!(arrivals[0].series[0].profiles[0].samples[0].stack.is_empty());
}
