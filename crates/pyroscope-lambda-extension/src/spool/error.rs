//! What can be wrong with a spool, and with a file in it.

use std::io;
use std::path::PathBuf;

use super::record::Malformed;

/// What is wrong with the spool, or with one file in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A link could lead anywhere.
    #[error(
        "{path} is a symbolic link or a file: remove it, or name another directory in PYROSCOPE_SPOOL_DIR"
    )]
    NotADirectory {
        /// The spool.
        path: PathBuf,
    },
    /// Its owner could read and replace what is in it.
    #[error(
        "{path} belongs to user {owner}, not to user {us}: name another directory in PYROSCOPE_SPOOL_DIR"
    )]
    NotOurs {
        /// The spool.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// Our own effective user id.
        us: u32,
    },
    /// Others could plant files in it.
    #[error(
        "{path} can be written to by others (mode {mode:03o}): chmod it 700, or name another directory in PYROSCOPE_SPOOL_DIR"
    )]
    OpenToOthers {
        /// The spool.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It can't be created, opened or listed.
    #[error("can't use the spool {path}: {source}")]
    Directory {
        /// The spool.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk is full, or read-only.
    #[error("can't write {path}: {source}")]
    Write {
        /// The upload's file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Files that somebody else made. They stay.
    #[error(
        "{path} holds {count} files that are not the extension's: name a directory of its own in PYROSCOPE_SPOOL_DIR"
    )]
    Foreign {
        /// The spool.
        path: PathBuf,
        /// How many files.
        count: usize,
    },
    /// An upload that the server would refuse for its age. It was removed.
    #[error("the upload in {path} is too old")]
    Expired {
        /// The upload's file.
        path: PathBuf,
    },
    /// A directory, a pipe or a link under the name of an upload's file. It was removed, if it could be.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// What it is called.
        path: PathBuf,
    },
    /// More than the queue can hold. It was removed.
    #[error("{path} has {length} bytes, which is more than the queue holds ({largest})")]
    Oversized {
        /// The upload's file.
        path: PathBuf,
        /// How long it is, in bytes.
        length: u64,
        /// How long it may be, in bytes.
        largest: usize,
    },
    /// Its content is no upload. It was removed.
    #[error("{path}: {source}")]
    Broken {
        /// The upload's file.
        path: PathBuf,
        /// What is wrong with it.
        source: Malformed,
    },
    /// It was removed if that is for good, and stays where another try may help.
    #[error("can't read {path}: {source}")]
    Unreadable {
        /// The upload's file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The next start will find it again.
    #[error("can't remove {path}, so that its upload may be delivered twice: {source}")]
    Remove {
        /// The upload's file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
