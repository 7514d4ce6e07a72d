//! Gzip, read with a limit and written for the CPU that it costs.

use std::io::{self, Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc, GzBuilder};

use super::body::Untouched;
use super::edit::Edit;

/// Deflate makes at most 1,032 bytes of one.
const MOST_RATIO: usize = 1032;

/// No profile is compressed to a hundredth of its size; what claims to be is not worth the CPU time.
const BELIEVED_RATIO: usize = 100;

/// A body is decompressed to this many bytes whatever its ratio: it is too short for one to tell anything.
const BELIEVED: usize = 1 << 20;

/// The most bytes that a stored block holds.
const BLOCK: usize = 0xffff;

/// Deflate, no flags, no time, nothing about the compression, no operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// What all members hold, one after the other, as far as it can be a profile.
pub(super) fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, Untouched> {
    let believed = packed.len().saturating_mul(BELIEVED_RATIO).max(BELIEVED);
    let limit = most.min(believed);
    // The last four bytes tell the size, of the last member at least; a lie costs a larger allocation, not more than the limit.
    let told = packed.last_chunk().map_or(0, |size| u32::from_le_bytes(*size));
    let room = usize::try_from(told).unwrap_or(limit).min(limit).min(packed.len().saturating_mul(MOST_RATIO));
    let mut plain = Vec::with_capacity(room);
    let enough = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed).take(enough).read_to_end(&mut plain).map_err(Untouched::Gzip)?;
    match plain.len() {
        size if size > most => Err(Untouched::TooLarge { limit: most }),
        size if size > limit => Err(Untouched::Ratio { limit: BELIEVED_RATIO }),
        _ => Ok(plain),
    }
}

/// The result of an edit in one member, the same for the same result.
///
/// `packed` is how many bytes the body took as it came. Where the SDK gained little by its compression, for what it holds is
/// compressed already, we gain little too and store it.
pub(super) fn deflate(edit: &Edit<'_>, packed: usize) -> io::Result<Vec<u8>> {
    let size = edit.size();
    if packed > size - size / 8 {
        return Ok(store(edit));
    }
    let out = Vec::with_capacity(packed + packed / 4 + 64);
    let mut encoder: GzEncoder<_> = GzBuilder::new().write(out, Compression::fast());
    for piece in edit.pieces() {
        encoder.write_all(piece)?;
    }
    encoder.finish()
}

/// A member of stored blocks: a copy of the bytes and their checksum.
fn store(edit: &Edit<'_>) -> Vec<u8> {
    let mut left = edit.size();
    let blocks = left.div_ceil(BLOCK);
    let mut out = Vec::with_capacity(HEADER.len() + blocks * 5 + left + 8);
    let mut crc = Crc::new();
    let mut room = 0;
    out.extend_from_slice(&HEADER);
    for mut piece in edit.pieces() {
        crc.update(piece);
        while !piece.is_empty() {
            if room == 0 {
                room = left.min(BLOCK);
                let length = u16::try_from(room).unwrap_or(u16::MAX);
                out.push(u8::from(room == left));
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&(!length).to_le_bytes());
            }
            let (block, rest) = piece.split_at_checked(room).unwrap_or((piece, &[]));
            out.extend_from_slice(block);
            room -= block.len();
            left -= block.len();
            piece = rest;
        }
    }
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}
