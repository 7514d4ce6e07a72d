//! Whether what arrived is what was sent.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod support;

use bytes::Bytes;
use pyroscope_sink::{Altered, Incoming, Original};
use support::{Message, gzip, post, pprof, push_of, send, sink};

const PUSH: &str = "/push.v1.PusherService/Push";
const OTLP: &str = "/v1development/profiles";
const SESSION: (&str, &str) = ("__session_id__", "0123456789abcdef");
const NAME: (&str, &str) = ("__name__", "cpu");
const SERVICE: (&str, &str) = ("service_name", "orders");

fn original(path: &str, query: Option<&str>, content_type: &str, encoding: &str, body: Vec<u8>) -> Original {
    Original {
        path: path.to_owned(),
        query: query.map(str::to_owned),
        content_type: content_type.to_owned(),
        content_encoding: encoding.to_owned(),
        body: Bytes::from(body),
    }
}

/// The same request as it arrives at a sink, with another query and another body.
async fn arrived(original: &Original, query: Option<&str>, body: Vec<u8>) -> Incoming {
    let sink = sink().await;
    let target = query.map_or(original.path.clone(), |query| format!("{}?{query}", original.path));
    let mut headers = Vec::new();
    for (name, value) in
        [("content-type", &original.content_type), ("content-encoding", &original.content_encoding)]
    {
        if !value.is_empty() {
            headers.push((name, value.as_str()));
        }
    }
    send(&sink, post(&target, &headers, body)).await.unwrap();
    sink.arrivals()[0].request.clone()
}

#[tokio::test]
async fn an_ingest_may_gain_a_session_id_and_nothing_else() {
    let sent =
        original("/ingest", Some("name=a%7Bb%3Dc%7D&from=1"), "text/plain", "", b"main;hot 1".to_vec());
    let with = "name=a%7Bb%3Dc%2C__session_id__%3D0123456789abcdef%7D&from=1";
    let body = || b"main;hot 1".to_vec();
    assert_eq!(sent.altered(&arrived(&sent, Some(with), body()).await), None);
    for (query, body, wrong) in [
        (with, b"main;hot 2".to_vec(), Altered::Body("not the same bytes")),
        ("name=a%7Bb%3Dc%7D&from=1", body(), Altered::NoSession),
        ("name=a%7Bb%3Dc%2C__session_id__%3D0123%7D&from=1", body(), Altered::NoSession),
    ] {
        assert_eq!(sent.altered(&arrived(&sent, Some(query), body).await), Some(wrong), "{query}");
    }
    for query in
        [&with.replace("from=1", "from=2"), &with.replace("b%3Dc", "b%3Dd"), &with.replace("&from=1", "")]
    {
        let altered = sent.altered(&arrived(&sent, Some(query), body()).await);
        assert_eq!(altered, Some(Altered::Query(query.clone())));
    }
}

#[tokio::test]
async fn a_push_may_gain_one_session_id_a_series_in_protobuf_with_gzip_or_without() {
    let plain = push_of(&[NAME, SERVICE], &pprof());
    let with = push_of(&[NAME, SERVICE, SESSION], &pprof());
    for (encoding, encode) in [("", Vec::clone as fn(&Vec<u8>) -> Vec<u8>), ("gzip", |body| gzip(body))] {
        let sent = original(PUSH, None, "application/proto", encoding, encode(&plain));
        assert_eq!(sent.altered(&arrived(&sent, None, encode(&with)).await), None);
        let twice = push_of(&[NAME, SERVICE, SESSION, SESSION], &pprof());
        let other = push_of(&[NAME, ("service_name", "other"), SESSION], &pprof());
        let profile = push_of(&[NAME, SERVICE, SESSION], b"other");
        for (body, wrong) in [
            (&plain, Altered::NoSession),
            (&twice, Altered::NoSession),
            (&other, Altered::Body("labels or samples of a series")),
            (&profile, Altered::Body("labels or samples of a series")),
        ] {
            assert_eq!(sent.altered(&arrived(&sent, None, encode(body)).await), Some(wrong));
        }
    }
}

#[tokio::test]
async fn a_field_that_no_decoder_knows_must_not_get_lost() {
    let unknown = |body: Vec<u8>| [body, Message::new().bytes(77, "new").done()].concat();
    let sent = original(PUSH, None, "application/proto", "", unknown(push_of(&[NAME], &pprof())));
    let with = push_of(&[NAME, SESSION], &pprof());
    assert_eq!(sent.altered(&arrived(&sent, None, unknown(with.clone())).await), None);
    let altered = sent.altered(&arrived(&sent, None, with).await);
    assert_eq!(altered, Some(Altered::Body("another number of fields")));
}

#[tokio::test]
async fn an_otlp_resource_may_gain_one_session_id_even_where_there_was_no_resource() {
    let attribute = |(key, value): (&str, &str)| {
        Message::new().bytes(1, key).bytes(2, Message::new().bytes(1, value)).done()
    };
    let request = |resource: Option<Vec<u8>>, scope: &str| {
        let mut profiles = Message::new();
        if let Some(resource) = resource {
            profiles = profiles.bytes(1, resource);
        }
        Message::new().bytes(1, profiles.bytes(2, Message::new().bytes(9, scope))).bytes(2, "").done()
    };
    let service = Message::new().bytes(1, attribute(SERVICE)).done();
    let both = Message::new().bytes(1, attribute(SERVICE)).bytes(1, attribute(SESSION)).done();
    let alone = Message::new().bytes(1, attribute(SESSION)).done();
    for (before, after) in [(Some(service.clone()), both.clone()), (None, alone)] {
        let sent = original(OTLP, None, "application/x-protobuf", "", request(before.clone(), "a"));
        assert_eq!(sent.altered(&arrived(&sent, None, request(Some(after.clone()), "a")).await), None);
        let altered = sent.altered(&arrived(&sent, None, request(Some(after), "b")).await);
        assert_eq!(altered, Some(Altered::Body("a profile beside its resource")));
        let altered = sent.altered(&arrived(&sent, None, request(before, "a")).await);
        assert_eq!(altered, Some(Altered::NoSession));
    }
}

#[tokio::test]
async fn json_is_compared_as_json() {
    let json = |labels: &str| {
        format!(r#"{{"series":[{{"labels":[{labels}],"samples":[{{"rawProfile":"QQ=="}}]}}],"new":1}}"#)
            .into_bytes()
    };
    let name = r#"{"name":"__name__","value":"cpu"}"#;
    let session = r#"{"name":"__session_id__","value":"0123456789abcdef"}"#;
    let sent = original(PUSH, None, "application/json", "", json(name));
    let got = json(&format!("{name}, {session}"));
    assert_eq!(sent.altered(&arrived(&sent, None, got).await), None);
    assert_eq!(sent.altered(&arrived(&sent, None, json(name)).await), Some(Altered::NoSession));
    let altered = sent.altered(&arrived(&sent, None, json(session)).await);
    assert_eq!(altered, Some(Altered::Body("another JSON")));
}
