//! `PushRequest` as protobuf: every series gains what it lacks, in front of what it has, and no other byte changes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use prost::Message;
use pyroscope_lambda_extension::labels::{LabelSet, Malformed, Untouched, push};
use pyroscope_lambda_extension_fuzz::schema::push::{LabelPair, PushRequest, RawProfileSeries, pair};
use pyroscope_lambda_extension_fuzz::schema::{LIMIT, PROTO};
use pyroscope_lambda_extension_fuzz::wire::{Field, fields, first_field};
use pyroscope_lambda_extension_fuzz::{choice, sets};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = choice(input) else { return };
    let (set, body) = (sets::chosen(choice), Bytes::copy_from_slice(body));
    let read = PushRequest::decode(body.clone());
    let add = |body: &Bytes| push::add(body, PROTO, None, &set, LIMIT);
    match add(&body) {
        Ok(Some(added)) => {
            assert_eq!(add(&added).expect("still a message"), None, "adding twice changes nothing");
            only_labels_were_added(&body, &added, &set);
            if let Ok(read) = read {
                assert_eq!(PushRequest::decode(added).expect("still a message"), expected(read, &set));
            }
        }
        Ok(None) => {
            if let Ok(read) = read {
                assert_eq!(read, expected(read.clone(), &set));
            }
        }
        // Groups are refused, which prost skips.
        Err(Untouched::Protobuf(Malformed::WireType(_))) => {}
        Err(Untouched::Protobuf(malformed)) => assert!(read.is_err(), "{malformed}"),
        Err(other) => panic!("{other}"),
    }
});

fn lacking(own: &[LabelPair], set: &LabelSet) -> Vec<LabelPair> {
    let names: Vec<_> = own.iter().map(|pair| pair.name.as_str()).collect();
    sets::lacking(set, &names).into_iter().map(|(name, value)| pair(name, value)).collect()
}

fn expected(mut request: PushRequest, set: &LabelSet) -> PushRequest {
    for series in &mut request.series {
        series.labels.splice(..0, lacking(&series.labels, set));
    }
    request
}

fn only_labels_were_added(before: &[u8], after: &[u8], set: &LabelSet) {
    let (before, after) = (fields(before).expect("fields"), fields(after).expect("fields"));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.into_iter().zip(after) {
        let (Field::Delimited(1, before), Field::Delimited(1, after)) = (&before, &after) else {
            assert_eq!(before, after);
            continue;
        };
        let added = after.strip_suffix(*before).expect("what was there is there, behind what is new");
        // A name that is no UTF-8 is one that prost does not read, and none of the set's.
        let Ok(read) = RawProfileSeries::decode(*before) else { continue };
        let labels: Vec<u8> = lacking(&read.labels, set).iter().flat_map(first_field).collect();
        assert_eq!(added, labels);
    }
}
