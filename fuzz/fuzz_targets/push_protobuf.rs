//! `PushRequest` as protobuf: every series gains what it lacks, in front of what it has, and no other byte changes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use prost::Message;
use pyroscope_lambda_extension::labels::LabelSet;
use pyroscope_lambda_extension_fuzz::schema::push::{LabelPair, PushRequest, RawProfileSeries, pair};
use pyroscope_lambda_extension_fuzz::schema::{LIMIT, PROTO};
use pyroscope_lambda_extension_fuzz::wire::first_field;
use pyroscope_lambda_extension_fuzz::{choice, gains, sets};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = choice(input) else { return };
    let (set, body) = (sets::chosen(choice), Bytes::copy_from_slice(body));
    let expected = |mut request: PushRequest| {
        for series in &mut request.series {
            series.labels.splice(..0, lacking(&series.labels, &set));
        }
        request
    };
    let grown = |before: &[u8], after: &[u8]| {
        let added = after.strip_suffix(before).expect("what was there is there, behind what is new");
        // What prost does not read, such as a name that is no UTF-8, has no expected labels.
        let Ok(read) = RawProfileSeries::decode(before) else { return };
        let labels: Vec<u8> = lacking(&read.labels, &set).iter().flat_map(first_field).collect();
        assert_eq!(added, labels);
    };
    gains::protobuf(&body, |body| gains::push_with(&set, body, PROTO, None, LIMIT), expected, grown);
});

fn lacking(own: &[LabelPair], set: &LabelSet) -> Vec<LabelPair> {
    let names: Vec<_> = own.iter().map(|pair| pair.name.as_str()).collect();
    sets::lacking_in_push(set, &names).into_iter().map(|(name, value)| pair(name, value)).collect()
}
