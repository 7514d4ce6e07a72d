//! The two requests: one that leaves nothing on the server, and one that leaves the smallest profile there is.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use crate::pprof::{self, Message, Stack};
use crate::upload::{Endpoint, Upload};

/// The service that a check's profile appears under, with the label `check="true"`.
pub const SERVICE: &str = "pyroscope-lambda-extension";

/// The labels of its one series.
const LABELS: [(&str, &str); 3] = [("__name__", "process_cpu"), ("service_name", SERVICE), ("check", "true")];

/// The CPU time of its one sample, and the period of its sampling.
const SAMPLE: Duration = Duration::from_millis(1);

/// A push of no series: the server looks at tenant and credentials first, and then answers that there is no profile in it.
pub(super) fn none(now: SystemTime) -> Upload {
    push(Bytes::new(), now)
}

/// A push of one series with one sample.
pub(super) fn tiny(now: SystemTime) -> Upload {
    let nanos = u64::try_from(SAMPLE.as_nanos()).unwrap_or_default();
    let stack = Stack { functions: vec!["check".to_owned()], nanos };
    let profile = pprof::encode([stack], now - SAMPLE, now, nanos);
    let mut series = Message::default();
    for (name, value) in LABELS {
        let label = Message::default().bytes(1, name.as_bytes()).bytes(2, value.as_bytes());
        series = series.message(1, &label);
    }
    let series = series.message(2, &Message::default().bytes(1, &profile));
    push(Message::default().message(1, &series).into_bytes().into(), now)
}

fn push(body: Bytes, now: SystemTime) -> Upload {
    const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"), " (check)");
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/proto")),
        (USER_AGENT, HeaderValue::from_static(AGENT)),
    ]);
    Upload { endpoint: Endpoint::Push, query: None, headers, body, arrived: now }
}
