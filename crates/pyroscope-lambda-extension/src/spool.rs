//! What a shutdown could not deliver: left in a directory, picked up by the next start.
//!
//! # Layout
//! - [`Spool`]: stores at shutdown
//! - [`PickUp`]: reads at the next start, one file at a time
//! - [`record`]: an upload as bytes, with a checksum: pure
//! - `name`: file names, which carry the order
//! - `room`: what has to go so that the directory stays within its limit: pure
//! - `directory`: the files themselves
//!
//! One file an upload, written under a temporary name and renamed, so that a kill leaves a whole file or none. Nothing
//! is synced to disk: the directory lives as long as the sandbox, and a machine that loses power takes it along.
//!
//! No credentials of the extension are in a file, since they are not in an [`Upload`]. The SDK's own `Authorization`
//! header is, for without it the upload could not be delivered: files are for their owner alone (0600, in a directory
//! of 0700 that belongs to us, is no symbolic link, and that nobody else may write to).
//!
//! A file goes when whoever picked it up removes it. [`crate::recovery`] does so once the upload is settled, so that a
//! kill in between loses nothing.
//!
//! One process at a time uses a directory; the port that profilers post to sees to that. Of two that share one, both may
//! deliver an upload, and the one that starts takes what the other is just writing for what a kill left. No more than
//! that: their files don't collide.

mod directory;
mod error;
mod name;
mod pick_up;
pub mod record;
mod room;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use self::directory::Directory;
pub use self::error::Error;
use self::name::Name;
pub use self::pick_up::{Entry, PickUp, Recovered};
use self::record::Record;
use self::room::Room;
use crate::upload::Upload;

/// A directory for uploads between two processes.
///
/// To make one touches nothing. All file access blocks; it is to a local disk, and in small pieces.
#[derive(Clone, Debug)]
pub struct Spool {
    path: PathBuf,
    /// What the files may take together, in bytes.
    limit: u64,
}

/// What became of the uploads that were to be stored.
///
/// `written + no_room + no_time + failed` is the number of uploads.
#[derive(Debug, Default)]
pub struct Stored {
    /// Uploads on disk.
    pub written: u64,
    /// What they take there, in bytes.
    pub bytes: u64,
    /// Lost: newer ones fill the directory.
    pub no_room: u64,
    /// Lost: the deadline came.
    pub no_time: u64,
    /// Lost: the disk or the directory did not play along; `error` says how.
    pub failed: u64,
    /// Uploads of an earlier process that made room for newer ones.
    pub displaced: u64,
    /// Why `failed` is not zero.
    pub error: Option<Error>,
}

/// A file that takes no more once there is no time left.
struct UntilDeadline<'a> {
    file: &'a mut File,
    deadline: Instant,
}

// === impl Spool ===

impl Spool {
    /// What the files may take together if nobody says otherwise, in bytes: an eighth of the smallest `/tmp`.
    pub const DEFAULT_LIMIT: u64 = 64 * 1024 * 1024;

    /// A spool in the directory `path` whose files take at most `limit` bytes together.
    #[must_use]
    pub fn new(path: &Path, limit: u64) -> Self {
        // Through its components, a path loses the slash at its end, behind which a symbolic link would be followed.
        Self { path: path.components().collect(), limit }
    }

    /// Writes uploads, given in any order, until all are written or `deadline` comes.
    ///
    /// The newest go first: where there is no room or no time for all, the oldest are lost, whether they are among
    /// `uploads` or on disk already. The directory is created if need be. The first failure to write ends it, as the
    /// next one would fail for the same reason: a full or read-only disk.
    #[must_use]
    pub fn store(&self, uploads: &[Arc<Upload>], deadline: Instant) -> Stored {
        let mut stored = Stored::default();
        if uploads.is_empty() {
            return stored;
        }
        let mut left = uploads.len() as u64;
        let (directory, mut room) = match self.open() {
            Ok(opened) => opened,
            Err(error) => return Stored { failed: left, error: Some(error), ..stored },
        };
        let mut oldest_first: Vec<&Upload> = uploads.iter().map(Arc::as_ref).collect();
        oldest_first.sort_by_key(|upload| upload.arrived);
        let series = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        for (sequence, upload) in (0..left).rev().zip(oldest_first.into_iter().rev()) {
            if Instant::now() >= deadline {
                stored.no_time = left;
                break;
            }
            let name = Name { arrived_ms: epoch_ms(upload.arrived), sequence, series };
            let record = Record::new(upload);
            let Some(displaced) = room.admit(name.arrived_ms, record.len()) else {
                stored.no_room += 1;
                left -= 1;
                continue;
            };
            for old in displaced {
                // One that can't be removed does no harm but to the limit.
                stored.displaced += u64::from(directory.remove(&old.to_string()).is_ok());
            }
            let written =
                directory.create(&name, |file| record.write_to(&mut UntilDeadline { file, deadline }));
            match written {
                Ok(()) => {
                    stored.written += 1;
                    stored.bytes += record.len();
                    left -= 1;
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    stored.no_time = left;
                    break;
                }
                Err(source) => {
                    stored.failed = left;
                    stored.error = Some(Error::Write { path: directory.path_of(&name), source });
                    break;
                }
            }
        }
        stored
    }

    /// The directory, and the room in it.
    fn open(&self) -> Result<(Directory, Room), Error> {
        let directory = Directory::open_or_create(&self.path)?;
        let mut present = VecDeque::new();
        for name in directory.list()?.names {
            if let Ok(Some(length)) = directory.length(&name.to_string()) {
                present.push_back((name, length));
            }
        }
        Ok((directory, Room::new(self.limit, present)))
    }

    /// Lists what an earlier process left, oldest first; each is read when it is asked for.
    ///
    /// Uploads that are too old at `now` and files of more than `largest` bytes, which is what the queue can hold, are
    /// removed unread; so is at once what a kill left half-written. A directory that does not exist is empty, and is
    /// not created.
    ///
    /// Under SnapStart this is not to be called before the first INVOKE: the disk is part of the snapshot, so every
    /// clone of it would deliver what was read before. (There can only be something where an earlier process in the
    /// sandbox of the init was shut down.)
    ///
    /// # Errors
    /// Where the directory is not ours, or can't be read.
    pub fn pick_up(&self, now: SystemTime, largest: usize) -> Result<PickUp, Error> {
        PickUp::open(&self.path, now, largest)
    }
}

// === impl Stored ===

impl Stored {
    /// How many uploads are lost.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.no_room + self.no_time + self.failed
    }
}

// === impl UntilDeadline ===

impl Write for UntilDeadline<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if Instant::now() >= self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Milliseconds since 1970; 0 for what is said to have come before.
fn epoch_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    crate::clock::milliseconds(since)
}
