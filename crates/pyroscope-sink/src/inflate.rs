//! Gzip, bounded: a small body must not fill the memory.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Why a gzip body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// Not gzip, or cut short.
    #[error("gzip: {0}; send a whole gzip stream")]
    Broken(String),
    /// More bytes come out than are allowed.
    #[error("gzip: more than {limit} bytes uncompressed; send less")]
    TooLarge {
        /// The most that is allowed, in bytes.
        limit: usize,
    },
}

/// Whether the bytes start as a gzip stream does.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Inflates a gzip stream of at most `limit` uncompressed bytes.
pub(crate) fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|error| InflateError::Broken(error.to_string()))?;
    if inflated.len() > limit { Err(InflateError::TooLarge { limit }) } else { Ok(inflated) }
}

/// Inflates what is gzip and leaves the rest as it is.
pub(crate) fn inflate_if_gzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    if is_gzip(bytes) {
        inflate(bytes, limit)
    } else if bytes.len() > limit {
        Err(InflateError::TooLarge { limit })
    } else {
        Ok(bytes.to_vec())
    }
}
