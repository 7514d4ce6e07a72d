//! Compressed pushes: the same comes out as without compression, within the limit, in one member that others can read.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use pyroscope_lambda_extension::labels::{Untouched, push};
use pyroscope_lambda_extension_fuzz::schema::{GZIP, PROTO, gzip};
use pyroscope_lambda_extension_fuzz::{choice, sets};
use std::io::Read;

/// Low enough that a few bytes of gzip can be over it.
const LIMIT: usize = 64 * 1024;

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = choice(input) else { return };
    let set = sets::chosen(choice);
    // What an SDK may send, or what somebody may.
    let body: Bytes = match choice {
        0..4 => gzip(rest),
        4 | 5 => {
            let (first, second) = rest.split_at(rest.len() / 3);
            [gzip(first), gzip(second)].concat().into()
        }
        _ => Bytes::copy_from_slice(rest),
    };
    let added = push::add(&body, PROTO, GZIP, &set, LIMIT);
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(&*body).take(LIMIT as u64 + 1).read_to_end(&mut plain);
    if read.is_err() {
        assert!(matches!(added, Err(Untouched::Gzip(_))), "{added:?}");
        return;
    }
    let wanted = push::add(&plain.into(), PROTO, None, &set, LIMIT);
    match (added, wanted) {
        (Ok(Some(added)), Ok(Some(wanted))) => {
            assert_eq!(sole_member(&added), wanted);
            assert_eq!(push::add(&added, PROTO, GZIP, &set, LIMIT).expect("still gzip"), None);
            assert_eq!(push::add(&body, PROTO, GZIP, &set, LIMIT).expect("as before"), Some(added));
        }
        (Ok(None), Ok(None)) => {}
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("{one:?} where it is {other:?} without compression"),
    }
});

/// What the one member holds that fills the whole body, by another implementation.
fn sole_member(packed: &[u8]) -> Vec<u8> {
    let deflated = packed
        .strip_prefix(&[0x1f, 0x8b, 8, 0])
        .and_then(|rest| rest.get(6..rest.len() - 8))
        .expect("a member");
    let plain = decompress_to_vec_with_limit(deflated, LIMIT).expect("deflate");
    let mut crc = flate2::Crc::new();
    crc.update(&plain);
    let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    assert!(packed.ends_with(&trailer));
    plain
}
