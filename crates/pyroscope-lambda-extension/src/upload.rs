//! One accepted request of an SDK: the unit that flows through the extension.

mod end_to_end;

use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;
use memmap2::MmapMut;

pub use self::end_to_end::{end_to_end, goes_on};

/// What the bookkeeping of one upload costs in memory beside its bytes; an estimate that errs on the high side.
const OVERHEAD: usize = 512;

/// What the bookkeeping of one header costs beside its bytes.
const HEADER_OVERHEAD: usize = 160;
/// The smallest body that may lie in pages of its own, in bytes: of a smaller one's pages too much would be empty.
const PAGED_FROM: usize = 8 * 1024;

/// A page of memory, in bytes, on both processors of Lambda.
const PAGE: usize = 4096;

/// A profile, or several, as an SDK posted it.
///
/// Labels and credentials are not in it: they go on when it is sent.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Where it was posted to.
    pub endpoint: Endpoint,
    /// The query string as it came, without the `?`.
    pub query: Option<String>,
    /// The end-to-end headers that describe the body or belong to the SDK; none that belong to the connection.
    pub headers: HeaderMap,
    /// The whole body, transfer coding removed, content coding kept.
    pub body: Bytes,
    /// When the body had been read.
    pub arrived: SystemTime,
}

/// The write endpoints of a Pyroscope server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/ingest`: labels in the query's `name`.
    Ingest,
    /// `/pyroscope/ingest`: the same under the prefix that Grafana Agent uses.
    PrefixedIngest,
    /// `/push.v1.PusherService/Push`: Connect, labels in every series.
    Push,
    /// `/v1development/profiles`: OTLP over HTTP, labels in resource attributes.
    Otlp,
}

// === impl Upload ===

impl Upload {
    /// The memory that it takes while it waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD)
            .sum();
        let body = match self.body.len() {
            length @ ..PAGED_FROM => length,
            length => length.next_multiple_of(PAGE),
        };
        OVERHEAD + body + self.query.as_ref().map_or(0, String::len) + headers
    }

    /// Moves a body that is not small into pages of its own, which go back to the operating system with the upload.
    ///
    /// What a long queue takes from the heap, the heap keeps for later: the pieces between what is still in use are free, but
    /// no use to the function. Costs a copy and a page fault for each page, so it is for uploads that will wait.
    pub fn move_out_of_heap(&mut self) {
        if self.body.len() < PAGED_FROM {
            return;
        }
        // Without a mapping to be had it stays where it is.
        let Ok(mut pages) = MmapMut::map_anon(self.body.len()) else { return };
        pages.copy_from_slice(&self.body);
        self.body = Bytes::from_owner(pages);
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// The endpoint that a request path names, doubled and trailing slashes aside; `None` for every other path.
    ///
    /// SDKs that are given a base address with a trailing slash post to `//ingest`.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        const ALL: [Endpoint; 4] =
            [Endpoint::Ingest, Endpoint::PrefixedIngest, Endpoint::Push, Endpoint::Otlp];
        let segments = |path| str::split(path, '/').filter(|segment| !segment.is_empty());
        ALL.into_iter().find(|endpoint| segments(endpoint.path()).eq(segments(path)))
    }

    /// Whether a profile's labels stand in the body and not in the query.
    #[must_use]
    pub const fn has_labels_in_body(self) -> bool {
        matches!(self, Self::Push | Self::Otlp)
    }

    /// Its path on a server.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Ingest => "/ingest",
            Self::PrefixedIngest => "/pyroscope/ingest",
            Self::Push => "/push.v1.PusherService/Push",
            Self::Otlp => "/v1development/profiles",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_and_trailing_slashes_do_not_matter() {
        for (path, endpoint) in [
            ("/ingest", Some(Endpoint::Ingest)),
            ("//ingest", Some(Endpoint::Ingest)),
            ("/ingest/", Some(Endpoint::Ingest)),
            ("/pyroscope//ingest//", Some(Endpoint::PrefixedIngest)),
            ("/push.v1.PusherService/Push", Some(Endpoint::Push)),
            ("/v1development/profiles", Some(Endpoint::Otlp)),
            ("/", None),
            ("", None),
            ("/Ingest", None),
            ("/ingest/x", None),
            ("/x/ingest", None),
            ("/ingest/../querier", None),
            ("/%69ngest", None),
            ("/v1/profiles", None),
        ] {
            assert_eq!(Endpoint::from_path(path), endpoint, "{path}");
        }
    }
}
