//! What an answer of the remote tells of a fault.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderMap, StatusCode};

use super::Fault;

/// A difference between two clocks that is no matter of a slow answer.
const SKEWED: Duration = Duration::from_secs(5 * 60);

/// A server's clock beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// Ours is behind by so much.
    Behind(Duration),
    /// Ours is ahead by so much.
    Ahead(Duration),
}

// === impl Skew ===

impl Skew {
    /// What the `Date` of an answer (RFC 9110, section 6.6.1) tells of our clock, which shows `now`.
    #[must_use]
    pub fn of(headers: &HeaderMap, now: SystemTime) -> Option<Self> {
        let theirs = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        Some(match now.duration_since(theirs) {
            Ok(ahead) => Self::Ahead(ahead),
            Err(behind) => Self::Behind(behind.duration()),
        })
    }

    /// The difference.
    #[must_use]
    pub const fn length(self) -> Duration {
        match self {
            Self::Behind(length) | Self::Ahead(length) => length,
        }
    }
}

// === impl Fault ===

impl Fault {
    /// What an answer to a profile tells; none where it says that the profile was taken.
    #[must_use]
    pub fn of_answer(status: StatusCode, headers: &HeaderMap, body: &str, now: SystemTime) -> Option<Self> {
        let says = |words: &[&str]| words.iter().any(|words| body.contains(words));
        let page = is_page(headers, body);
        Some(match status.as_u16() {
            200..=299 if page => Self::NotPyroscope,
            200..=299 => return None,
            300..=399 => Self::Redirect,
            _ if says(&["no org id"]) => Self::NoTenant,
            401 if says(&["legacy auth"]) => Self::TokenAlone,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            407 => Self::ProxyPassword,
            // Go's server, nginx, Apache.
            400 if says(&["to an HTTPS server", "to HTTPS port", "SSL-enabled server port"]) => Self::TlsOnly,
            400..=499 if says(&["ingestion window"]) => {
                let skewed = Skew::of(headers, now).is_some_and(|skew| skew.length() > SKEWED);
                if skewed { Self::ClockSkew } else { Self::TooOld }
            }
            413 => Self::TooLarge,
            400 | 422 | 429 if says(&["size limit", "too large"]) => Self::TooLarge,
            429 => Self::RateLimited,
            422 if says(&["resource_exhausted:"]) => Self::RateLimited,
            408 | 425 | 499 | 500..=599 => Self::Unavailable,
            422 if is_transient_inside(body) => Self::Unavailable,
            _ if page => Self::NotPyroscope,
            404 | 405 => Self::WrongPath,
            _ => Self::Invalid,
        })
    }
}

/// `/ingest` answers 422 to every error of what lies behind it; the code of that error is in the message.
pub(in crate::remote) fn is_transient_inside(body: &str) -> bool {
    const TRANSIENT: [&str; 5] =
        ["unavailable:", "deadline_exceeded:", "unknown:", "canceled:", "resource_exhausted:"];
    TRANSIENT.iter().any(|code| body.contains(code))
}

fn is_page(headers: &HeaderMap, body: &str) -> bool {
    let typed = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let start = body.trim_start().get(..5).unwrap_or_default();
    typed || start.eq_ignore_ascii_case("<html") || start.eq_ignore_ascii_case("<!doc")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn an_answer_tells_its_fault() {
        let connect = r#"{"code":"invalid_argument","message":"#;
        for (status, body, fault) in [
            (200, "", None),
            (204, "", None),
            (200, "<!DOCTYPE html><title>Grafana</title>", Some(Fault::NotPyroscope)),
            (200, "\n<HTML>", Some(Fault::NotPyroscope)),
            (301, "", Some(Fault::Redirect)),
            (302, "<html>Found", Some(Fault::Redirect)),
            (401, "", Some(Fault::Unauthorized)),
            (401, "<html>nginx", Some(Fault::Unauthorized)),
            (401, r#"{"code":"unauthenticated","message":"no org id"}"#, Some(Fault::NoTenant)),
            (500, "no org id", Some(Fault::NoTenant)),
            (
                401,
                "authentication error: legacy auth cannot be upgraded because the host is not found",
                Some(Fault::TokenAlone),
            ),
            (403, "", Some(Fault::Forbidden)),
            (400, "Client sent an HTTP request to an HTTPS server.\n", Some(Fault::TlsOnly)),
            (
                400,
                "<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
                Some(Fault::TlsOnly),
            ),
            (
                400,
                &format!(
                    r#"{connect}"profile with labels '{{}}' is outside of ingestion window (profile timestamp: x)"}}"#
                ),
                Some(Fault::TooOld),
            ),
            (413, "", Some(Fault::TooLarge)),
            (
                400,
                &format!(
                    r#"{connect}"the profile with labels '{{}}' exceeds the size limit (max_profile_size_byte, actual: 9, limit: 4)"}}"#
                ),
                Some(Fault::TooLarge),
            ),
            (
                429,
                r#"{"code":"resource_exhausted","message":"push rate limit (4.0 MiB) exceeded while adding 8 MiB"}"#,
                Some(Fault::RateLimited),
            ),
            (429, "request body too large (limit: 5 bytes)", Some(Fault::TooLarge)),
            (422, r#"{"message":"resource_exhausted: limit"}"#, Some(Fault::RateLimited)),
            (422, r#"{"message":"unavailable: no healthy instance"}"#, Some(Fault::Unavailable)),
            (422, "failed to parse pprof", Some(Fault::Invalid)),
            (404, "404 page not found\n", Some(Fault::WrongPath)),
            (404, "<html>Not found", Some(Fault::NotPyroscope)),
            (405, "", Some(Fault::WrongPath)),
            (400, &format!(r#"{connect}"no profiles received"}}"#), Some(Fault::Invalid)),
            (502, "<html>Bad gateway", Some(Fault::Unavailable)),
            (503, "", Some(Fault::Unavailable)),
            (415, "", Some(Fault::Invalid)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                Fault::of_answer(status, &HeaderMap::new(), body, UNIX_EPOCH),
                fault,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_profile_outside_of_the_window_is_a_matter_of_the_clocks_where_they_differ() {
        let date = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let headers = HeaderMap::from_iter([(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap())]);
        for (now, fault) in [
            (date, Fault::TooOld),
            (date + Duration::from_secs(299), Fault::TooOld),
            (date + Duration::from_secs(301), Fault::ClockSkew),
            (date - Duration::from_secs(4000), Fault::ClockSkew),
        ] {
            let found =
                Fault::of_answer(StatusCode::BAD_REQUEST, &headers, "outside of ingestion window", now);
            assert_eq!(found, Some(fault));
        }
        assert_eq!(
            Skew::of(&headers, date - Duration::from_secs(7)),
            Some(Skew::Behind(Duration::from_secs(7)))
        );
        assert_eq!(Skew::of(&HeaderMap::new(), date), None);
    }

    #[test]
    fn a_page_is_told_by_its_type_or_its_beginning() {
        let typed = HeaderMap::from_iter([(CONTENT_TYPE, "text/html; charset=utf-8".parse().unwrap())]);
        assert!(is_page(&typed, "anything"));
        for (body, page) in [("<htm", false), ("é<html", false), ("  <Html lang=en>", true), ("", false)] {
            assert_eq!(is_page(&HeaderMap::new(), body), page, "{body}");
        }
    }
}
