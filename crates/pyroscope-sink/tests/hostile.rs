//! No body may end the sink.

mod support;

use proptest::prelude::*;
use pyroscope_sink::{Sink, decode_pprof, parse_name};
use support::{LABELS, Message, gzip, options, post, pprof, push, push_of, status};

/// Bytes of any kind, and such as begin well and are then cut or altered.
fn hostile(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let cut = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>());
    let altered = cut.prop_map(move |(end, at, byte)| {
        let mut bytes = good.clone();
        bytes.truncate(end.index(good.len()) + 1);
        *at.get_mut(&mut bytes) = byte;
        bytes
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), altered]
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused_as_pprof(bytes in hostile(pprof())) {
        let _ = decode_pprof(&bytes, 1 << 20);
        let _ = decode_pprof(&gzip(&bytes), 1 << 20);
    }

    #[test]
    fn any_text_is_parsed_or_refused_as_a_name(text in ".*") {
        let _ = parse_name(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_body_gets_an_answer(bytes in hostile(push_of(&LABELS, &pprof()))) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sink = Sink::start(options()).await.unwrap();
            let multipart = [("content-type", "multipart/form-data; boundary=b")];
            let otlp = [("content-type", "application/x-protobuf")];
            let requests = [
                push(bytes.clone()),
                post("/push.v1.PusherService/Push", &[("content-type", "application/json")], bytes.clone()),
                post("/ingest?name=a&format=pprof", &[], bytes.clone()),
                post("/ingest?name=a&format=folded", &[], bytes.clone()),
                post("/ingest?name=a", &multipart, [b"--b\r\n".to_vec(), bytes.clone()].concat()),
                post("/v1development/profiles", &otlp, bytes.clone()),
            ];
            for request in requests {
                let status = status(&sink, request).await;
                prop_assert!(matches!(status, 200 | 400 | 422), "{status}");
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_small_profile_of_very_many_frames_is_refused() {
    // One location of 3,000 inlined lines, named 3,000 times by one sample.
    let lines =
        (0..3000).fold(Message::new().int(1, 1), |location, _| location.bytes(4, Message::new().int(1, 1)));
    let profile = Message::new()
        .bytes(1, Message::new())
        .bytes(2, Message::new().bytes(1, [1; 3000]).bytes(2, [1]))
        .bytes(4, lines)
        .bytes(6, "")
        .done();
    assert!(matches!(decode_pprof(&profile, 1 << 20), Err(pyroscope_sink::PprofError::TooManyFrames)));
}
