//! `push.v1.PusherService/Push` as protobuf: the session id in every series.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use bytes::Bytes;
use labels_support::push::{LabelPair, PushRequest, RawProfileSeries, RawSample, pair};
use labels_support::{GZIP, ID, LIMIT, PROTO, add_to_push, captures, gunzip, gzip, session};
use proptest::prelude::*;
use prost::Message;
use pyroscope_lambda_extension::labels::{LabelSet, Untouched};
use pyroscope_lambda_extension::session::LABEL;

fn add(body: &[u8]) -> Option<Bytes> {
    add_to_push(&Bytes::copy_from_slice(body), PROTO, None, &session(), LIMIT).unwrap()
}

/// What the edit is to make of a request: labels that a series lacks, in front of its own.
fn expected(mut request: PushRequest, labels: &LabelSet) -> PushRequest {
    for series in &mut request.series {
        let own = std::mem::take(&mut series.labels);
        let lacking = labels.iter().filter(|(name, _)| own.iter().all(|label| label.name != *name));
        series.labels = lacking.map(|(name, value)| pair(name, value)).collect();
        series.labels.extend(own);
    }
    request
}

#[test]
fn every_series_that_lacks_the_id_gains_it() {
    let series = |labels: &[LabelPair]| RawProfileSeries { labels: labels.to_vec(), ..Default::default() };
    let request = PushRequest {
        series: vec![
            series(&[pair("__name__", "memory")]),
            series(&[]),
            series(&[pair(LABEL, "mine"), pair("a", "b")]),
            series(&[pair("a", "b"), pair(LABEL, "")]),
        ],
    };
    let added = PushRequest::decode(add(&request.encode_to_vec()).unwrap()).unwrap();
    assert_eq!(added, expected(request, &session()));
    assert_eq!(added.series[1].labels, [pair(LABEL, ID)]);
}

#[test]
fn a_request_without_series_or_with_ids_everywhere_is_left_alone() {
    assert_eq!(add(&[]), None);
    assert_eq!(add(&[0x10, 0x01]), None);
    let series = RawProfileSeries { labels: vec![pair(LABEL, "mine")], ..Default::default() };
    assert_eq!(add(&PushRequest { series: vec![series.clone(), series] }.encode_to_vec()), None);
}

#[test]
fn no_label_to_add_changes_nothing() {
    let body = PushRequest { series: vec![RawProfileSeries::default()] }.encode_to_vec().into();
    assert_eq!(add_to_push(&body, PROTO, None, &LabelSet::default(), LIMIT).unwrap(), None);
}

#[test]
fn the_last_name_of_a_pair_counts() {
    let name = |text: &str| [&[0x0a, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let request = |pair: &[u8]| {
        let series = [&[0x0a, u8::try_from(pair.len()).unwrap()], pair].concat();
        [&[0x0a, u8::try_from(series.len()).unwrap()], series.as_slice()].concat()
    };
    assert!(add(&request(&[name(LABEL), name("other")].concat())).is_some());
    assert_eq!(add(&request(&[name("other"), name(LABEL)].concat())), None);
}

#[test]
fn a_length_written_longer_than_needed_is_written_anew() {
    let body = [0x0a, 0x84, 0x80, 0x00, 0x12, 0x02, 0x0a, 0x00, 0x10, 0x05];
    let added = add(&body).unwrap();
    let (label, rest) = added[2..].split_at(36);
    assert_eq!(&added[..2], [0x0a, 40]);
    assert_eq!(LabelPair::decode(&label[2..]).unwrap(), pair(LABEL, ID));
    assert_eq!(rest, &body[4..]);
}

#[test]
fn what_real_sdks_push_gains_the_id_in_each_series() {
    for (head, body) in captures("python").into_iter().chain(captures("rust")) {
        assert!(head.contains("content-encoding: gzip"));
        let added = add_to_push(&body, PROTO, GZIP, &session(), LIMIT).unwrap().unwrap();
        let request = PushRequest::decode(gunzip(&body).as_slice()).unwrap();
        assert_eq!(PushRequest::decode(gunzip(&added).as_slice()).unwrap(), expected(request, &session()));
        assert_eq!(add_to_push(&added, PROTO, GZIP, &session(), LIMIT).unwrap(), None);
        assert_eq!(add_to_push(&body, PROTO, GZIP, &session(), LIMIT).unwrap().unwrap(), added);
    }
}

#[test]
fn the_media_type_is_read_as_http_has_it() {
    let body = PushRequest { series: vec![RawProfileSeries::default()] }.encode_to_vec().into();
    for known in [
        "application/proto",
        "Application/Proto; charset=utf-8",
        "application/x-protobuf",
        "application/protobuf",
    ] {
        assert!(add_to_push(&body, Some(known), None, &session(), LIMIT).unwrap().is_some(), "{known}");
    }
    for unknown in
        [None, Some(""), Some("application/grpc"), Some("application/connect+proto"), Some("text/plain")]
    {
        let added = add_to_push(&body, unknown, None, &session(), LIMIT);
        assert!(matches!(added, Err(Untouched::MediaType(_))), "{unknown:?}");
    }
}

#[test]
fn an_encoding_that_is_not_known_is_refused() {
    let body = PushRequest { series: vec![RawProfileSeries::default()] }.encode_to_vec();
    for known in [None, Some(""), Some("identity"), Some("Identity")] {
        assert!(
            add_to_push(&body.clone().into(), PROTO, known, &session(), LIMIT).unwrap().is_some(),
            "{known:?}"
        );
    }
    assert!(add_to_push(&gzip(&body), PROTO, Some("GZIP"), &session(), LIMIT).unwrap().is_some());
    for unknown in ["zstd", "br", "deflate", "gzip, gzip", "identity, gzip"] {
        let added = add_to_push(&body.clone().into(), PROTO, Some(unknown), &session(), LIMIT);
        assert!(matches!(added, Err(Untouched::Encoding(_))), "{unknown}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for body in [&[0x0a][..], &[0x0a, 0x05, 0x00], &[0x0b, 0x0c], &[0x0a, 0x02, 0x0a, 0x01], &[0xff; 12]] {
        let added = add_to_push(&Bytes::copy_from_slice(body), PROTO, None, &session(), LIMIT);
        assert!(matches!(added, Err(Untouched::Protobuf(_))), "{body:?}");
    }
}

#[test]
fn many_empty_series_cannot_make_a_large_body() {
    let body: Bytes = [0x0a, 0x00].repeat(1000).into();
    let added = add_to_push(&body, PROTO, None, &session(), 38_000).unwrap().unwrap();
    assert_eq!(added.len(), 38_000);
    for packed in [None, GZIP] {
        let body = if packed.is_some() { gzip(&body) } else { body.clone() };
        let added = add_to_push(&body, PROTO, packed, &session(), 37_999);
        assert!(matches!(added, Err(Untouched::TooLarge { limit: 37_999 })), "{packed:?}");
    }
}

prop_compose! {
    fn any_pair()(name in "__session_id__|region|[a-z_.]{0,6}", value in ".{0,40}") -> LabelPair {
        LabelPair { name, value }
    }
}

prop_compose! {
    fn any_sample()(raw_profile in prop::collection::vec(any::<u8>(), 0..300), id in ".{0,8}") -> RawSample {
        RawSample { raw_profile, id }
    }
}

prop_compose! {
    fn any_series()(
        labels in prop::collection::vec(any_pair(), 0..5),
        samples in prop::collection::vec(any_sample(), 0..3),
        unknown in any::<Option<u64>>(),
    ) -> RawProfileSeries {
        RawProfileSeries { labels, samples, unknown }
    }
}

proptest! {
    #[test]
    fn any_request_gains_what_it_lacks_and_nothing_else(
        series in prop::collection::vec(any_series(), 0..5),
        packed in any::<bool>(),
    ) {
        let labels = session().with("region", "eu-west-1").unwrap();
        let request = PushRequest { series };
        let plain = request.encode_to_vec();
        let (body, encoding) = if packed { (gzip(&plain), GZIP) } else { (plain.into(), None) };
        let added = add_to_push(&body, PROTO, encoding, &labels, LIMIT).unwrap();
        let expected = expected(request.clone(), &labels);
        prop_assert_eq!(added.is_none(), expected == request);
        if let Some(added) = added {
            prop_assert_eq!(add_to_push(&added, PROTO, encoding, &labels, LIMIT).unwrap(), None);
            let plain = if packed { gunzip(&added).into() } else { added };
            prop_assert_eq!(plain.len(), expected.encoded_len());
            prop_assert_eq!(PushRequest::decode(plain).unwrap(), expected);
        }
    }

    #[test]
    fn any_bytes_come_out_as_a_message_or_not_at_all(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x0a), Just(0x02), Just(0x00)], 0..64),
    ) {
        let body = Bytes::from(bytes);
        if let Ok(Some(added)) = add_to_push(&body, PROTO, None, &session(), LIMIT) {
            prop_assert!(added.len() > body.len());
            prop_assert_eq!(add_to_push(&added, PROTO, None, &session(), LIMIT).unwrap(), None);
            if let Ok(request) = PushRequest::decode(body) {
                prop_assert_eq!(PushRequest::decode(added).unwrap(), expected(request, &session()));
            }
        }
    }
}
