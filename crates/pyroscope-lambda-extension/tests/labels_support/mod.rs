//! What the tests of the labels share: the schemas, gzip and recorded requests.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test may panic"
)]

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use pyroscope_lambda_extension::labels::{LabelSet, Untouched, otlp as otlp_body, push as push_body};
use pyroscope_lambda_extension::session::SessionId;

pub const ID: &str = "0123456789abcdef";
pub const LIMIT: usize = 1 << 20;
pub const PROTO: Option<&str> = Some("application/proto");
pub const JSON: Option<&str> = Some("application/json");
pub const GZIP: Option<&str> = Some("gzip");

#[must_use]
pub fn session() -> LabelSet {
    LabelSet::session(SessionId::from_bits(0x0123_4567_89ab_cdef))
}

pub fn add_to_push(
    body: &Bytes,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    labels: &LabelSet,
    limit: usize,
) -> Result<Option<Bytes>, Untouched> {
    push_body::add(body, content_type, content_encoding, labels, limit).map(|edited| edited.changed)
}

pub fn add_to_otlp(
    body: &Bytes,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    labels: &LabelSet,
    limit: usize,
) -> Result<Option<Bytes>, Untouched> {
    otlp_body::add(body, content_type, content_encoding, labels, limit).map(|edited| edited.changed)
}

#[must_use]
pub fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

#[must_use]
pub fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    plain
}

/// The head and the body of each recorded request whose file name begins so.
#[must_use]
pub fn captures(prefix: &str) -> Vec<(String, Bytes)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");
    let mut requests = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with(prefix) {
            let request = std::fs::read(file.path()).unwrap();
            let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let head = String::from_utf8(request[..end].to_vec()).unwrap();
            requests.push((head, Bytes::copy_from_slice(&request[end + 4..])));
        }
    }
    assert!(!requests.is_empty(), "no capture {prefix}*");
    requests
}

/// `push.v1`, as its schema has it.
pub mod push {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct PushRequest {
        #[prost(message, repeated, tag = "1")]
        pub series: Vec<RawProfileSeries>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct RawProfileSeries {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<LabelPair>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<RawSample>,
        /// A field that the relay doesn't know.
        #[prost(fixed64, optional, tag = "1000")]
        pub unknown: Option<u64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct LabelPair {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct RawSample {
        #[prost(bytes = "vec", tag = "1")]
        pub raw_profile: Vec<u8>,
        #[prost(string, tag = "2")]
        pub id: String,
    }

    #[must_use]
    pub fn pair(name: &str, value: &str) -> LabelPair {
        LabelPair { name: name.to_owned(), value: value.to_owned() }
    }
}

/// The part of OTLP's profiles that the relay looks at, with fields beside it that it doesn't.
pub mod otlp {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Request {
        #[prost(message, repeated, tag = "1")]
        pub resource_profiles: Vec<ResourceProfiles>,
        #[prost(message, optional, tag = "2")]
        pub dictionary: Option<Dictionary>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Dictionary {
        #[prost(string, repeated, tag = "5")]
        pub string_table: Vec<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct ResourceProfiles {
        #[prost(message, optional, tag = "1")]
        pub resource: Option<Resource>,
        #[prost(bytes = "vec", tag = "2")]
        pub scope_profiles: Vec<u8>,
        #[prost(string, tag = "3")]
        pub schema_url: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Resource {
        #[prost(message, repeated, tag = "1")]
        pub attributes: Vec<KeyValue>,
        #[prost(uint32, tag = "2")]
        pub dropped_attributes_count: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct KeyValue {
        #[prost(string, tag = "1")]
        pub key: String,
        #[prost(message, optional, tag = "2")]
        pub value: Option<AnyValue>,
        #[prost(int32, tag = "3")]
        pub key_strindex: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct AnyValue {
        #[prost(string, optional, tag = "1")]
        pub string_value: Option<String>,
        #[prost(int64, optional, tag = "3")]
        pub int_value: Option<i64>,
    }

    #[must_use]
    pub fn attribute(key: &str, value: &str) -> KeyValue {
        let value = AnyValue { string_value: Some(value.to_owned()), int_value: None };
        KeyValue { key: key.to_owned(), value: Some(value), key_strindex: 0 }
    }
}
