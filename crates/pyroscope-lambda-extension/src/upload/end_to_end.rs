//! Which headers of an SDK's request go on to the remote.

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers that belong to one connection or one hop (RFC 9110, section 7.6.1), and those that the relay, a client
/// of its own to the remote, states for itself.
const NOT_FORWARDED: [HeaderName; 13] = [
    CONNECTION,
    CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"), // in no RFC, but sent all the same
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::EXPECT,
    header::ACCEPT_ENCODING,
];

/// Whether a header of this name may go on. One that says where the body ends must not: a body that ends elsewhere for the
/// remote would be a second request to it.
#[must_use]
pub fn goes_on(name: &HeaderName) -> bool {
    !NOT_FORWARDED.contains(name)
}

/// The headers that go on, each in memory of its own: as they come they share a buffer, which even the shortest would keep.
#[must_use]
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let kept = headers.iter().filter(|(name, _)| goes_on(name) && !listed.contains(name));
    kept.filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn headers_of_the_connection_stay_with_the_connection() {
        let sent = [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("host", "localhost:4040"),
            ("content-length", "5"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
            ("content-type", "application/proto"),
            ("content-encoding", "gzip"),
            ("authorization", "Bearer of-the-sdk"),
            ("user-agent", "sdk"),
        ];
        let headers =
            sent.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let forwarded = end_to_end(&headers);
        let mut names: Vec<_> = forwarded.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-encoding", "content-type", "user-agent"]);
    }

    #[test]
    fn what_waits_does_not_keep_the_buffer_that_it_was_read_into() {
        let buffer = Bytes::from(vec![b'a'; 1024]);
        let value = HeaderValue::from_maybe_shared(buffer.slice(..3)).unwrap();
        assert!(!buffer.is_unique());

        let came = HeaderMap::from_iter([(header::CONTENT_TYPE, value)]);
        let kept = end_to_end(&came);
        drop(came);

        assert_eq!(kept.get(header::CONTENT_TYPE).unwrap(), "aaa");
        assert!(buffer.is_unique());
    }
}
