//! Bodies that come compressed go out compressed, within a limit.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use labels_support::push::{PushRequest, RawProfileSeries, RawSample};
use labels_support::{GZIP, LIMIT, PROTO, add_to_push, gunzip, gzip, session};
use prost::Message;
use pyroscope_lambda_extension::labels::Untouched;

fn request(raw_profile: Vec<u8>) -> Vec<u8> {
    let samples = vec![RawSample { raw_profile, id: String::new() }];
    PushRequest { series: vec![RawProfileSeries { samples, ..Default::default() }] }.encode_to_vec()
}

fn add(body: &Bytes, limit: usize) -> Result<Option<Bytes>, Untouched> {
    add_to_push(body, PROTO, GZIP, &session(), limit)
}

/// Bytes that no compression shrinks, the same in each run.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..size).map(|_| next()).collect()
}

/// One member that fills the whole body.
fn sole_member(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(packed);
    decoder.read_to_end(&mut plain).unwrap();
    assert!(decoder.into_inner().is_empty(), "another member");
    plain
}

#[test]
fn what_compresses_stays_compressed() {
    let profile = b"main;handler;encode 17\n".repeat(2000);
    let body = gzip(&request(profile.clone()));
    let added = add(&body, LIMIT).unwrap().unwrap();
    assert!(added.len() < profile.len() / 10, "{}", added.len());
    assert!(
        PushRequest::decode(sole_member(&added).as_slice()).unwrap().series[0].samples[0].raw_profile
            == profile
    );
}

#[test]
fn what_was_compressed_before_is_stored_whatever_its_size() {
    for size in [
        0, 1, 65_400, 65_490, 65_491, 65_492, 65_493, 65_494, 65_495, 65_535, 65_536, 131_000, 131_070,
        200_000,
    ] {
        let profile = noise(size);
        let body = gzip(&request(profile.clone()));
        let added = add(&body, LIMIT).unwrap().unwrap();
        assert!(added.len() < size + 150, "{}", added.len());
        let plain = sole_member(&added);
        assert!(PushRequest::decode(plain.as_slice()).unwrap().series[0].samples[0].raw_profile == profile);
    }
}

#[test]
fn the_same_body_makes_the_same_bytes() {
    for body in [gzip(&request(noise(1000))), gzip(&request(vec![7; 1000]))] {
        let added = add(&body, LIMIT).unwrap().unwrap();
        assert_eq!(add(&body, LIMIT).unwrap().unwrap(), added);
        assert_eq!(added[3..8], [0; 5], "no flags, no time");
    }
}

#[test]
fn members_are_read_as_one_body() {
    let plain = request(noise(1000));
    let (one, other) = plain.split_at(300);
    let body = [gzip(one), gzip(&[]), gzip(other)].concat().into();
    let added = add(&body, LIMIT).unwrap().unwrap();
    assert_eq!(sole_member(&added), gunzip(&add(&gzip(&plain), LIMIT).unwrap().unwrap()));
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    let body = gzip(&request(vec![0; 8 << 20]));
    assert!(body.len() < 10_000);
    assert!(matches!(add(&body, LIMIT), Err(Untouched::TooLarge { limit: LIMIT })));
    // Its last member says that it is small.
    let body = [body, gzip(&[])].concat().into();
    assert!(matches!(add(&body, LIMIT), Err(Untouched::TooLarge { limit: LIMIT })));
}

#[test]
fn a_body_that_grows_more_than_a_hundredfold_is_not_believed() {
    const LARGE: usize = 64 << 20;
    // Up to a mebibyte any ratio will do.
    let body = gzip(&request(vec![0; 1_000_000]));
    assert!(body.len() * 500 < 1_000_000 && add(&body, LARGE).unwrap().is_some());
    let body = gzip(&request(vec![0; 8 << 20]));
    let error = add(&body, LARGE).unwrap_err();
    assert_eq!(error.to_string(), "the body is over 100 times as large without compression");
    // One byte in fifty of noise is what a real body has at the least.
    let mut profile = vec![0; 4 << 20];
    profile.chunks_mut(50).zip(noise(90_000)).for_each(|(chunk, byte)| chunk[0] = byte);
    let body = gzip(&request(profile));
    assert!(add(&body, LARGE).unwrap().is_some(), "{}", body.len());
}

#[test]
fn the_limit_itself_is_within_it() {
    let plain = request(noise(1000));
    let limit = gunzip(&add(&gzip(&plain), LIMIT).unwrap().unwrap()).len();
    assert!(add(&gzip(&plain), limit).unwrap().is_some());
    for limit in [0, plain.len() - 1, limit - 1] {
        assert!(matches!(add(&gzip(&plain), limit), Err(Untouched::TooLarge { .. })), "{limit}");
    }
}

#[test]
fn what_is_no_gzip_is_refused() {
    let whole = gzip(&request(noise(1000)));
    let mut wrong = whole.to_vec();
    let end = wrong.len();
    wrong[end - 8] ^= 1;
    let table = [
        Bytes::from_static(b""),
        Bytes::from_static(b"\x1f\x8b"),
        Bytes::from_static(b"not gzip at all"),
        whole.slice(..end - 1),
        whole.slice(..end / 2),
        wrong.into(),
        [whole, Bytes::from_static(b"rubbish behind")].concat().into(),
    ];
    for body in table {
        let added = add(&body, LIMIT);
        assert!(matches!(added, Err(Untouched::Gzip(_))), "{body:?}: {added:?}");
    }
}
