//! What an SDK sends.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use pyroscope_sink::{Clock, Options, Series, SessionId, Sink};

/// A request of an SDK without what belongs to the connection.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub file: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The recorded requests of real SDKs, in the order of their files' names.
pub fn recorded() -> Vec<Recorded> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "http")).collect();
    files.sort();
    files.iter().map(|file| Recorded::read(file)).collect()
}

/// A server whose clock shows the time at which the requests were recorded: it would refuse them as too old now.
pub async fn sink_of_that_time() -> Sink {
    let time = UNIX_EPOCH + Duration::from_secs(1_795_338_300);
    Sink::start(Options::default().clock(Clock::fixed(time))).await.unwrap()
}

/// The one session id that all series have.
pub fn session(series: &[Series]) -> String {
    let sessions: BTreeSet<_> = series.iter().map(Series::session_id).collect();
    match sessions.into_iter().collect::<Vec<_>>().as_slice() {
        [SessionId::Valid(id)] => id.clone(),
        other => panic!("not one good session id: {other:?}"),
    }
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Protocol Buffers by hand.
#[derive(Debug, Default)]
pub struct Proto(Vec<u8>);

/// A pprof profile of `main -> hot` with 12 ns of CPU, of this moment.
pub fn pprof() -> Vec<u8> {
    let mut profile = Proto::default()
        .bytes(1, Proto::default().int(1, 1).int(2, 2))
        .bytes(2, Proto::default().bytes(1, [2, 1]).bytes(2, [12]))
        .bytes(4, Proto::default().int(1, 1).bytes(4, Proto::default().int(1, 1)))
        .bytes(4, Proto::default().int(1, 2).bytes(4, Proto::default().int(1, 2)))
        .bytes(5, Proto::default().int(1, 1).int(2, 3))
        .bytes(5, Proto::default().int(1, 2).int(2, 4));
    for string in ["", "cpu", "nanoseconds", "main", "hot"] {
        profile = profile.bytes(6, string);
    }
    profile.int(9, now_nanos()).0
}

/// A push of two series in protobuf.
pub fn push() -> Vec<u8> {
    let pair = |name: &str, value: &str| Proto::default().bytes(1, name).bytes(2, value);
    let series = |kind: &str| {
        Proto::default()
            .bytes(1, pair("__name__", kind))
            .bytes(1, pair("service_name", "orders"))
            .bytes(2, Proto::default().bytes(1, pprof()))
    };
    Proto::default().bytes(1, series("process_cpu")).bytes(1, series("wall")).0
}

/// A push of one series in JSON. The profile is a pprof of 1 ns of CPU in `main`, without a time, in base64.
pub const PUSH_JSON: &str = r#"{"series":[{"labels":[{"name":"__name__","value":"process_cpu"},{"name":"service_name","value":"orders"}],"samples":[{"rawProfile":"CgQIARACEgYKAQESAQEiBggBIgIIASoECAEQAzIAMgNjcHUyC25hbm9zZWNvbmRzMgRtYWlu","ID":"x"}]}],"futureField":1.50}"#;

/// A request of OpenTelemetry's with two resources.
pub fn otlp() -> Vec<u8> {
    let attribute =
        |key: &str, value: &str| Proto::default().bytes(1, key).bytes(2, Proto::default().bytes(1, value));
    let resource = |service: &str| {
        let profile = Proto::default()
            .bytes(1, Proto::default().int(1, 1).int(2, 2))
            .bytes(2, Proto::default().int(1, 1).bytes(4, [12]))
            .fixed64(3, now_nanos());
        Proto::default()
            .bytes(1, Proto::default().bytes(1, attribute("service.name", service)))
            .bytes(2, Proto::default().bytes(2, profile))
    };
    let mut dictionary = Proto::default()
        .bytes(2, Proto::default())
        .bytes(2, Proto::default().bytes(3, Proto::default().int(1, 1)))
        .bytes(2, Proto::default().bytes(3, Proto::default().int(1, 2)))
        .bytes(3, Proto::default())
        .bytes(3, Proto::default().int(1, 3))
        .bytes(3, Proto::default().int(1, 4));
    for string in ["", "cpu", "nanoseconds", "main", "hot"] {
        dictionary = dictionary.bytes(5, string);
    }
    let dictionary = dictionary.bytes(7, Proto::default()).bytes(7, Proto::default().bytes(1, [2, 1]));
    Proto::default().bytes(1, resource("orders")).bytes(1, resource("stock")).bytes(2, dictionary).0
}

fn now_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

// === impl Recorded ===

impl Recorded {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.filter(|(name, _)| !["host", "content-length", "connection"].contains(name));
        Self {
            file: path.file_name().unwrap().to_string_lossy().into_owned(),
            target,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

// === impl Proto ===

impl Proto {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn int(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend(value.as_ref());
        self
    }
}

impl AsRef<[u8]> for Proto {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
