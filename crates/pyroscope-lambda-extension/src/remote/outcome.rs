//! What an answer of the remote means for an upload: pure.

use std::io;
use std::time::{Duration, SystemTime};

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use super::fault::{Fault, is_transient_inside};
use crate::connection::ExchangeError;
use crate::connection::progress::Stage;

/// How much of an answer goes into a log line, in characters.
const LONGEST_REASON: usize = 300;

/// How one attempt at the remote ended.
#[derive(Debug)]
pub enum Outcome {
    /// The remote has it.
    Delivered,
    /// The remote will never have it.
    Refused {
        /// What the remote answered.
        status: StatusCode,
        /// The remote's own words, as far as it gave any.
        reason: String,
        /// What that tells.
        fault: Fault,
    },
    /// The remote does not take these credentials; it may take others, or these ones later.
    Unauthorized {
        /// 401 or 403.
        status: StatusCode,
        /// The remote's own words, as far as it gave any.
        reason: String,
        /// What that tells.
        fault: Fault,
    },
    /// The remote does not take these credentials, but others may be had by asking for them again.
    StaleCredentials,
    /// No request can be made of it.
    Unsendable(http::Error),
    /// The environment was frozen while it was under way, and the answer did not come soon after the thaw.
    Overslept,
    /// It may take it later.
    NotYet {
        /// What stood in the way.
        cause: Cause,
        /// When the remote wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// What kept the remote from taking an upload this time.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It answered that it can't now.
    #[error("answered {status}: {reason}")]
    Answer {
        /// What it answered.
        status: StatusCode,
        /// Its own words, as far as it gave any.
        reason: String,
        /// What that tells.
        fault: Fault,
    },
    /// There was no connection to be had.
    #[error("can't connect: {0}")]
    Connect(#[source] io::Error),
    /// There was one, but not over TLS.
    #[error("can't agree on TLS: {0}")]
    Secure(#[source] io::Error),
    /// The exchange broke off before the answer.
    #[error("the connection broke off: {0}")]
    Exchange(#[source] ExchangeError),
    /// It took too long.
    #[error("no {} within {after:?} (PYROSCOPE_TIMEOUT){}", what(*.stage), by_way_of(.proxy.as_deref()))]
    Timeout {
        /// How long it was given.
        after: Duration,
        /// What it was at.
        stage: Stage,
        /// The proxy on the way, where there is one.
        proxy: Option<String>,
    },
}

// === impl Outcome ===

impl Outcome {
    /// What `status` means, after delivery rules made for the Pyroscope server's own write paths. `body` is the answer's.
    #[must_use]
    pub fn of_answer(status: StatusCode, headers: &HeaderMap, body: &str, now: SystemTime) -> Self {
        if status.is_success() {
            return Self::Delivered; // the status alone decides
        }
        let reason = reason(headers, body);
        let fault = Fault::of_answer(status, headers, body, now).unwrap_or(Fault::Invalid);
        let not_yet = match status.as_u16() {
            // 407 is the answer of a proxy on the way, and is no word of the remote.
            407 | 408 | 425 | 429 | 499 | 500..=599 => true,
            422 => is_transient_inside(body),
            _ => false,
        };
        match status.as_u16() {
            401 | 403 => Self::Unauthorized { status, reason, fault },
            _ if not_yet => Self::NotYet {
                cause: Cause::Answer { status, reason, fault },
                retry_after: retry_after(headers, now),
            },
            _ => Self::Refused { status, reason, fault },
        }
    }

    /// The same, with word of the `proxy` that may have answered in the remote's place.
    #[must_use]
    pub fn by_way_of(mut self, proxy: &str) -> Self {
        if let Self::Refused { reason, .. }
        | Self::Unauthorized { reason, .. }
        | Self::NotYet { cause: Cause::Answer { reason, .. }, .. } = &mut self
        {
            reason.insert_str(0, &format!("by way of the proxy {proxy}: "));
        }
        self
    }
}

/// What a log line can hold of the remote's words; of a redirect, which is not followed, where it leads to.
pub(super) fn reason(headers: &HeaderMap, body: &str) -> String {
    if let Some(location) = headers.get(LOCATION) {
        let location = String::from_utf8_lossy(location.as_bytes());
        return format!("it redirects to {}", shortened(&location));
    }
    shortened(body)
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(LONGEST_REASON).collect()
}

fn what(stage: Stage) -> &'static str {
    if stage == Stage::Dialling { "connection" } else { "answer" }
}

fn by_way_of(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" by way of the proxy {proxy}"))
}

/// RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn class(status: u16, reason: &str) -> &'static str {
        let status = StatusCode::from_u16(status).unwrap();
        match Outcome::of_answer(status, &HeaderMap::new(), reason, UNIX_EPOCH) {
            Outcome::Delivered => "delivered",
            Outcome::Refused { .. } => "refused",
            Outcome::Unauthorized { .. } => "unauthorized",
            Outcome::NotYet { .. } => "not yet",
            other => panic!("no answer means {other:?}"),
        }
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        for (statuses, expected) in [
            (&[200, 201, 202, 204, 299][..], "delivered"),
            (&[401, 403], "unauthorized"),
            (&[407, 408, 425, 429, 499, 500, 501, 502, 503, 504, 599], "not yet"),
            (&[301, 302, 304, 307, 308, 400, 404, 405, 409, 413, 415, 422, 451], "refused"),
        ] {
            for status in statuses {
                assert_eq!(class(*status, ""), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_422_is_tried_again_where_the_error_inside_is_transient() {
        for (reason, expected) in [
            (r#"{"code":"unknown","message":"pushing: unavailable: no healthy instance"}"#, "not yet"),
            (r#"{"message":"deadline_exceeded: context deadline exceeded"}"#, "not yet"),
            (r#"{"message":"unknown: EOF"}"#, "not yet"),
            (r#"{"message":"invalid_argument: profile too large"}"#, "refused"),
            (r#"{"message":"failed to parse pprof"}"#, "refused"),
        ] {
            assert_eq!(class(422, reason), expected, "{reason}");
        }
    }

    #[test]
    fn retry_after_comes_in_seconds_or_as_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", None),
            ("-5", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}
