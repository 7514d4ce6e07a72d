//! A secret in a file.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use crate::blocking;
use crate::secret::Secret;
use crate::secret::fault::Fault;

/// No secret is longer, in bytes; nor does AWS take longer ones.
const FILE_LIMIT: u64 = 64 * 1024;

/// Reads the file at `path`, in a thread: it may be on a network. One newline at its end is left out.
pub(super) async fn read(path: &Path) -> Result<Secret, Fault> {
    let path = PathBuf::from(path);
    blocking::run(move || read_blocking(&path)).await.map_err(Fault::File)?
}

fn read_blocking(path: &Path) -> Result<Secret, Fault> {
    // A byte more than there may be. A vector that grows would leave copies behind.
    let limit = FILE_LIMIT + 1;
    // A pipe that nobody writes to would hold the thread for ever, and the next try another one.
    if !fs::metadata(path).map_err(Fault::File)?.is_file() {
        return Err(Fault::File(io::Error::other("it is not a file")));
    }
    let file = File::open(path).map_err(Fault::File)?;
    let length = file.metadata().map_or(limit, |metadata| metadata.len() + 1).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default()));
    file.take(limit).read_to_end(&mut bytes).map_err(Fault::File)?;
    if bytes.len() as u64 >= limit {
        return Err(Fault::TooLong);
    }
    let end = [&b"\r\n"[..], b"\n"].into_iter().find(|end| bytes.ends_with(end)).map_or(0, <[u8]>::len);
    let length = bytes.len() - end;
    bytes.truncate(length);
    match String::from_utf8(std::mem::take(&mut bytes)) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(Fault::NotText)
        }
    }
}
