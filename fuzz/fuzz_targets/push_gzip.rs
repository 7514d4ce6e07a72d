//! Compressed pushes: the same comes out as without compression, within the limit, in one member that others can read.
#![no_main]

use std::io::Read;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use pyroscope_lambda_extension::labels::Untouched;
use pyroscope_lambda_extension_fuzz::schema::{GZIP, PROTO, gzip};
use pyroscope_lambda_extension_fuzz::{choice, gains, sets};

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
    let add = |body: &Bytes, encoding| gains::push_with(&set, body, PROTO, encoding, LIMIT);
    let added = add(&body, GZIP);
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(&*body).take(LIMIT as u64 + 1).read_to_end(&mut plain);
    if read.is_err() {
        assert!(matches!(added, Err(Untouched::Gzip(_))), "{added:?}");
        return;
    }
    let wanted = add(&plain.into(), None);
    match (added, wanted) {
        (Ok(Some(added)), Ok(Some(wanted))) => {
            assert_eq!(sole_member(&added), wanted);
            assert_eq!(add(&added, GZIP).expect("still gzip"), None);
            assert_eq!(add(&body, GZIP).expect("as before"), Some(added));
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
