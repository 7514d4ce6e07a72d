//! What the tests send with and what they send.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use pyroscope_sink::{Clock, Options, Sink};
use tokio::net::TcpStream;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// When the captured requests were recorded.
pub(crate) fn recorded_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_338_300)
}

/// The time of `recorded_at`, a minute before, in nanoseconds.
pub(crate) fn recent_nanos() -> i64 {
    1_795_338_240_000_000_000
}

/// Options with a clock that stands still at the time of the captures.
pub(crate) fn options() -> Options {
    Options::default().clock(Clock::fixed(recorded_at()))
}

pub(crate) async fn sink() -> Sink {
    Sink::start(options()).await.unwrap()
}

/// A captured request: its head as a request for `sink`, its body as it is.
pub(crate) fn captured(bytes: &'static [u8]) -> Request<Full<Bytes>> {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..split]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::from_static(&bytes[split + 4..]))).unwrap()
}

/// A POST with these headers.
pub(crate) fn post(
    path_and_query: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::post(path_and_query).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(
    sink: &Sink,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, hyper::Error> {
    let stream = TcpStream::connect(sink.addr()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

/// Sends a request and gives the status of its answer.
pub(crate) async fn status(sink: &Sink, request: Request<Full<Bytes>>) -> u16 {
    send(sink, request).await.unwrap().status().as_u16()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Protocol Buffers by hand, so that the decoders are not tested with themselves.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    pub(crate) fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend(value.as_ref());
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A pprof profile of `main -> hot` with 12 ns of cpu, at `time_nanos`.
pub(crate) fn pprof_at(time_nanos: i64) -> Vec<u8> {
    pprof_with(time_nanos, "cpu")
}

/// The same with another sample type.
pub(crate) fn pprof_with(time_nanos: i64, kind: &str) -> Vec<u8> {
    let mut profile = Message::new()
        .bytes(1, Message::new().int(1, 1).int(2, 2))
        .bytes(2, Message::new().bytes(1, [2, 1]).bytes(2, [12]))
        .bytes(4, Message::new().int(1, 1).bytes(4, Message::new().int(1, 1)))
        .bytes(4, Message::new().int(1, 2).bytes(4, Message::new().int(1, 2)))
        .bytes(5, Message::new().int(1, 1).int(2, 3))
        .bytes(5, Message::new().int(1, 2).int(2, 4));
    for string in ["", kind, "nanoseconds", "main", "hot"] {
        profile = profile.bytes(6, string);
    }
    profile.int(9, time_nanos).done()
}

/// A recent pprof profile.
pub(crate) fn pprof() -> Vec<u8> {
    pprof_at(recent_nanos())
}

/// A push of one series.
pub(crate) fn push_of(labels: &[(&str, &str)], profile: &[u8]) -> Vec<u8> {
    let mut series = Message::new();
    for (name, value) in labels {
        series = series.bytes(1, Message::new().bytes(1, name).bytes(2, value));
    }
    Message::new().bytes(1, series.bytes(2, Message::new().bytes(1, profile))).done()
}

/// A push request in protobuf, without compression.
pub(crate) fn push(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    post("/push.v1.PusherService/Push", &[("content-type", "application/proto")], body)
}

pub(crate) const LABELS: [(&str, &str); 2] = [("__name__", "process_cpu"), ("service_name", "orders")];
