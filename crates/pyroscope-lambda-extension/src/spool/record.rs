//! An upload as bytes, with a checksum over all of them: pure.
//!
//! | bytes | what |
//! |---|---|
//! | 7 | `pyrospl` |
//! | 1 | the version of the format, [`VERSION`] |
//! | 8 | arrival, in ms since 1970 |
//! | 1 | endpoint |
//! | 1 | whether there is a query, 0 or 1 |
//! | n | the query, if there is one: a length of 8 bytes, then as many bytes |
//! | 8 | the number of headers |
//! | n | each header: its name, its value, both as the query |
//! | n | the body, as the query |
//! | 4 | CRC-32 of all that comes before |
//!
//! Numbers are little-endian. The checksum tells damage, not malice: that the file's owner wrote it is for the file
//! system to say.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Crc;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::upload::{Endpoint, Upload, goes_on};

/// What every record starts with.
const MAGIC: &[u8] = b"pyrospl";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// The length of the checksum, in bytes.
const CHECKSUM: usize = 4;

/// A body is written in pieces of this many bytes, so that a writer can stop in its midst.
const PIECE: usize = 256 * 1024;

/// An upload that is to be written. The body is not copied.
#[derive(Debug)]
pub struct Record {
    /// All that comes before the body.
    head: Vec<u8>,
    body: Bytes,
}

/// Why bytes are no record of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something else altogether, or the very beginning is damaged.
    #[error("not a spooled upload")]
    Magic,
    /// Another release of the extension wrote it.
    #[error("a spooled upload of format {0}; this release reads format {VERSION}")]
    Version(u8),
    /// Damaged, or cut short.
    #[error("the checksum does not match: the file is damaged")]
    Checksum,
    /// The checksum is right, and yet it makes no sense.
    #[error("no valid {0} in a spooled upload")]
    Field(&'static str),
}

/// What has not been read yet.
struct Unread<'a>(&'a [u8]);

/// Reads a whole record. The body is a part of `record`, not a copy; nothing that `record` says about lengths is believed
/// unless the bytes are there.
///
/// # Errors
/// Where any byte is not as it was written.
pub fn decode(record: &Bytes) -> Result<Upload, Malformed> {
    let rest = record.strip_prefix(MAGIC).ok_or(Malformed::Magic)?;
    let (version, _) = rest.split_first().ok_or(Malformed::Checksum)?;
    if *version != VERSION {
        return Err(Malformed::Version(*version));
    }
    let (content, checksum) = record.split_last_chunk::<CHECKSUM>().ok_or(Malformed::Checksum)?;
    let mut crc = Crc::new();
    crc.update(content);
    if crc.sum() != u32::from_le_bytes(*checksum) {
        return Err(Malformed::Checksum);
    }
    let mut unread = Unread(content.get(MAGIC.len() + 1..).ok_or(Malformed::Checksum)?);
    let arrived = unread.arrived().ok_or(Malformed::Field("arrival"))?;
    let endpoint = unread.byte().and_then(endpoint).ok_or(Malformed::Field("endpoint"))?;
    let query = unread.query()?;
    let headers = unread.headers().ok_or(Malformed::Field("header"))?;
    let body = unread.bytes().filter(|_| unread.0.is_empty()).ok_or(Malformed::Field("body"))?;
    Ok(Upload { endpoint, query, headers, body: record.slice_ref(body), arrived })
}

/// The number that stands for an endpoint. To change one takes a new [`VERSION`].
const fn number(endpoint: Endpoint) -> u8 {
    match endpoint {
        Endpoint::Ingest => 0,
        Endpoint::PrefixedIngest => 1,
        Endpoint::Push => 2,
        Endpoint::Otlp => 3,
    }
}

const fn endpoint(number: u8) -> Option<Endpoint> {
    match number {
        0 => Some(Endpoint::Ingest),
        1 => Some(Endpoint::PrefixedIngest),
        2 => Some(Endpoint::Push),
        3 => Some(Endpoint::Otlp),
        _ => None,
    }
}

fn put(head: &mut Vec<u8>, bytes: &[u8]) {
    head.extend((bytes.len() as u64).to_le_bytes());
    head.extend(bytes);
}

// === impl Record ===

impl Record {
    /// The record of an upload. Its arrival is kept to the millisecond.
    #[must_use]
    pub fn new(upload: &Upload) -> Self {
        let mut head = MAGIC.to_vec();
        head.push(VERSION);
        head.extend(super::epoch_ms(upload.arrived).to_le_bytes());
        head.push(number(upload.endpoint));
        head.push(u8::from(upload.query.is_some()));
        if let Some(query) = &upload.query {
            put(&mut head, query.as_bytes());
        }
        head.extend((upload.headers.len() as u64).to_le_bytes());
        for (name, value) in &upload.headers {
            put(&mut head, name.as_str().as_bytes());
            put(&mut head, value.as_bytes());
        }
        head.extend((upload.body.len() as u64).to_le_bytes());
        Self { head, body: upload.body.clone() }
    }

    /// Its length in bytes, which is less than the upload's weight in memory.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a record is never empty")]
    pub fn len(&self) -> u64 {
        (self.head.len() + self.body.len() + CHECKSUM) as u64
    }

    /// Writes it, in several pieces if it is large.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let mut crc = Crc::new();
        for piece in [self.head.as_slice()].into_iter().chain(self.body.chunks(PIECE)) {
            crc.update(piece);
            out.write_all(piece)?;
        }
        out.write_all(&crc.sum().to_le_bytes())
    }
}

// === impl Unread ===

impl<'a> Unread<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn arrived(&mut self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.number()?))
    }

    fn query(&mut self) -> Result<Option<String>, Malformed> {
        let invalid = Malformed::Field("query");
        match self.byte() {
            Some(0) => Ok(None),
            Some(1) => {
                let query = self.bytes().and_then(|bytes| str::from_utf8(bytes).ok());
                query.map(|query| Some(query.to_owned())).ok_or(invalid)
            }
            _ => Err(invalid),
        }
    }

    fn headers(&mut self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for _ in 0..self.number()? {
            // Others can write files, too: what an SDK could not have sent on must not go on this way.
            let name = HeaderName::from_bytes(self.bytes()?).ok().filter(goes_on)?;
            let value = HeaderValue::from_bytes(self.bytes()?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(headers)
    }
}
