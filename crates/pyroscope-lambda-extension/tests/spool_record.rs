//! An upload as bytes: what is written is read, and what was not written is refused.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use pyroscope_lambda_extension::spool::record::{Malformed, Record, VERSION, decode};
use pyroscope_lambda_extension::upload::{Endpoint, Upload};

fn encode(upload: &Upload) -> Bytes {
    let record = Record::new(upload);
    let mut bytes = Vec::new();
    record.write_to(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, record.len());
    assert!(bytes.len() < upload.weight(), "what fits the queue fits a record");
    bytes.into()
}

/// Puts a checksum behind `content` that is right.
fn sealed(content: &[u8]) -> Bytes {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    [content, &crc.sum().to_le_bytes()].concat().into()
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    let byte = prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8];
    vec(byte, 0..40).prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

prop_compose! {
    fn uploads()(
        endpoint in prop::sample::select(vec![
            Endpoint::Ingest, Endpoint::PrefixedIngest, Endpoint::Push, Endpoint::Otlp,
        ]),
        query in option::of(".{0,60}"),
        headers in vec(("[a-z!#$%&'*+.^_`|~0-9-]{1,20}", header_value()), 0..12),
        body in vec(any::<u8>(), 0..600),
        arrived_ms in 0..100_000_000_000_000_u64,
    ) -> Upload {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value);
        }
        let arrived = SystemTime::UNIX_EPOCH + Duration::from_millis(arrived_ms);
        Upload { endpoint, query, headers: map, body: body.into(), arrived }
    }
}

proptest! {
    #[test]
    fn an_upload_is_read_as_it_was_written(upload in uploads()) {
        let read = decode(&encode(&upload)).unwrap();
        prop_assert_eq!(read.endpoint, upload.endpoint);
        prop_assert_eq!(read.query, upload.query);
        prop_assert_eq!(read.headers, upload.headers);
        prop_assert_eq!(read.body, upload.body);
        prop_assert_eq!(read.arrived, upload.arrived);
    }

    #[test]
    fn one_damaged_byte_is_noticed(upload in uploads(), at: prop::sample::Index, damage in 1..=255_u8) {
        let mut record = encode(&upload).to_vec();
        let at = at.index(record.len());
        record[at] ^= damage;
        prop_assert!(decode(&record.into()).is_err());
    }

    #[test]
    fn a_record_that_was_cut_short_is_noticed(upload in uploads(), at: prop::sample::Index) {
        let record = encode(&upload);
        prop_assert!(decode(&record.slice(..at.index(record.len()))).is_err());
    }

    #[test]
    fn bytes_behind_a_record_are_noticed(upload in uploads(), more in vec(any::<u8>(), 1..20)) {
        prop_assert!(decode(&[encode(&upload).as_ref(), &more].concat().into()).is_err());
    }

    #[test]
    fn any_bytes_at_all_are_refused_in_peace(bytes in vec(any::<u8>(), 0..500)) {
        prop_assert_eq!(decode(&bytes.clone().into()).unwrap_err(), Malformed::Magic);
        let framed = [b"pyrospl".as_slice(), &[VERSION], &bytes].concat();
        prop_assert!(decode(&framed.clone().into()).is_err());
        // With the right checksum it may even be an upload; all that counts is that nothing worse happens.
        drop(decode(&sealed(&framed)));
    }

    #[test]
    fn fields_that_make_no_sense_are_refused_in_peace_though_the_checksum_is_right(
        upload in uploads(), at: prop::sample::Index, patch in vec(any::<u8>(), 1..12),
    ) {
        let record = encode(&upload);
        let mut content = record[..record.len() - 4].to_vec();
        let at = 8 + at.index(content.len() - 8);
        for (byte, patch) in content[at..].iter_mut().zip(&patch) {
            *byte = *patch;
        }
        if let Ok(read) = decode(&sealed(&content)) {
            prop_assert!(read.body.len() <= content.len());
        }
    }
}

#[test]
fn a_record_of_another_format_is_told_from_a_damaged_one() {
    let record = sealed(&[b"pyrospl".as_slice(), &[VERSION + 1], b"whatever comes"].concat());
    assert_eq!(decode(&record).unwrap_err(), Malformed::Version(VERSION + 1));
    for bytes in [b"".as_slice(), b"pyrosp", b"PK\x03\x04"] {
        assert_eq!(decode(&Bytes::copy_from_slice(bytes)).unwrap_err(), Malformed::Magic);
    }
    assert_eq!(decode(&Bytes::from_static(b"pyrospl\x01abc")).unwrap_err(), Malformed::Checksum);
}

#[test]
fn each_field_is_held_to_what_it_may_be() {
    let prefix = [b"pyrospl".as_slice(), &[VERSION]].concat();
    let number = |number: u64| number.to_le_bytes().to_vec();
    let field = |bytes: &[u8]| [&number(bytes.len() as u64), bytes].concat();
    let record = |parts: &[&[u8]]| sealed(&[prefix.as_slice(), &parts.concat()].concat());
    let (now, none) = (number(1_763_811_818_123), number(0));
    let good = record(&[&now, &[2], &[0], &none, &field(b"body")]);
    assert_eq!(decode(&good).unwrap().body, "body");
    for (fields, expected) in [
        (record(&[&[1, 2, 3]]), "arrival"),
        (record(&[&number(u64::MAX), &[9], &[0], &none, &none]), "endpoint"),
        (record(&[&now, &[2], &[2], &none, &none]), "query"),
        (record(&[&now, &[2], &[1], &field(b"\xff"), &none, &none]), "query"),
        (record(&[&now, &[2], &[1], &number(u64::MAX), &none, &none]), "query"),
        (record(&[&now, &[2], &[0], &number(u64::MAX)]), "header"),
        (record(&[&now, &[2], &[0], &number(1), &field(b"a b"), &field(b""), &none]), "header"),
        (record(&[&now, &[2], &[0], &number(1), &field(b"a"), &field(b"\n"), &none]), "header"),
        (record(&[&now, &[2], &[0], &number(1), &field(b"content-length"), &field(b"0"), &none]), "header"),
        (
            record(&[&now, &[2], &[0], &number(1), &field(b"transfer-encoding"), &field(b"chunked"), &none]),
            "header",
        ),
        (record(&[&now, &[2], &[0], &number(1), &field(b"Host"), &field(b"elsewhere"), &none]), "header"),
        (record(&[&now, &[2], &[0], &none, &number(1)]), "body"),
        (record(&[&now, &[2], &[0], &none, &number(u64::MAX)]), "body"),
        (record(&[&now, &[2], &[0], &none, &field(b"body"), b"more"]), "body"),
    ] {
        assert_eq!(decode(&fields).unwrap_err(), Malformed::Field(expected));
    }
}

#[test]
fn more_headers_than_a_map_can_hold_are_refused() {
    let mut content = [b"pyrospl".as_slice(), &[VERSION], &[0; 8], &[0], &[0]].concat();
    content.extend(40_000_u64.to_le_bytes());
    for number in 0..40_000 {
        let name = format!("x{number}");
        content.extend((name.len() as u64).to_le_bytes());
        content.extend(name.as_bytes());
        content.extend(0_u64.to_le_bytes());
    }
    content.extend(0_u64.to_le_bytes());
    assert_eq!(decode(&sealed(&content)).unwrap_err(), Malformed::Field("header"));
}

#[test]
fn the_body_is_not_copied() {
    let body = Bytes::from(vec![7; 100_000]);
    let arrived = SystemTime::UNIX_EPOCH;
    let upload = Upload { endpoint: Endpoint::Ingest, query: None, headers: HeaderMap::new(), body, arrived };
    let record = encode(&upload);
    let read = decode(&record).unwrap().body;
    assert!(record.as_ptr_range().contains(&read.as_ptr()));
}

#[test]
fn an_arrival_before_1970_becomes_1970() {
    let arrived = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
    let upload = Upload {
        endpoint: Endpoint::Ingest,
        query: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        arrived,
    };
    assert_eq!(decode(&encode(&upload)).unwrap().arrived, SystemTime::UNIX_EPOCH);
}
