//! The zip of a layer: the same binary gives the same bytes, whenever and wherever it is packed.

use std::fmt::Write as _;
use std::io::{self, Cursor, Write as _};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::environment::EXTENSION;

/// The hardest that deflate tries: a layer is packed once and fetched on every cold start.
const LEVEL: i64 = 9;

/// Packs the binary as Lambda looks for it: `extensions/NAME`, executable, and nothing beside it.
pub(crate) fn pack(binary: &[u8]) -> io::Result<Vec<u8>> {
    // The earliest time that the format knows, and no other field that could tell one packing from the next.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(format!("extensions/{EXTENSION}"), options)?;
    archive.write_all(binary)?;
    Ok(archive.finish()?.into_inner())
}

/// The line that `sha256sum --check` reads.
pub(super) fn checksum(content: &[u8], name: &str) -> String {
    format!("{}  {name}\n", hex(content))
}

/// The SHA-256 of `content`, in small hexadecimal digits.
pub(super) fn hex(content: &[u8]) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(content) {
        // Writing to a string can't fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn a_layer_holds_one_executable_where_lambda_looks_for_it() {
        let mut archive = ZipArchive::new(Cursor::new(pack(b"a binary").unwrap())).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_index(0).unwrap();
        assert_eq!(file.name().unwrap(), "extensions/pyroscope-lambda-extension");
        assert_eq!(file.unix_mode(), Some(0o100_755));
        assert_eq!(file.last_modified(), Some(DateTime::default()));
        assert_eq!(file.extra_data().unwrap_or_default(), b"");
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"a binary");
    }

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        assert_eq!(pack(b"a binary").unwrap(), pack(b"a binary").unwrap());
    }

    #[test]
    fn a_checksum_reads_as_sha256sum_writes_it() {
        assert_eq!(
            checksum(b"abc", "layer.zip"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  layer.zip\n"
        );
    }
}
