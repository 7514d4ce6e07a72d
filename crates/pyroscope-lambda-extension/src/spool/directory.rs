//! The files of a spool, reached by the descriptor of their directory: once it has been checked, nobody can put another
//! one in its place.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::error::Error;
use super::name::{Kind, Name};

/// The permissions of others to write.
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);

/// A directory that is ours alone.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    descriptor: OwnedFd,
}

/// What is in the directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The files of uploads, oldest first.
    pub(super) names: BTreeSet<Name>,
    /// What a kill left half-written, or another process is just writing.
    pub(super) partial: Vec<String>,
    /// How many files there are that are not ours.
    pub(super) foreign: usize,
}

// === impl Directory ===

impl Directory {
    /// Opens it; none where there is nothing of that name.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Error> {
        let path = path.to_owned();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match open(&path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(Error::NotADirectory { path }),
            Err(error) => return Err(Error::Directory { path, source: error.into() }),
        };
        let status = match fstat(&descriptor) {
            Ok(status) => status,
            Err(error) => return Err(Error::Directory { path, source: error.into() }),
        };
        let (owner, us) = (status.st_uid, geteuid().as_raw());
        if owner != us {
            return Err(Error::NotOurs { path, owner, us });
        }
        let mode = Mode::from_raw_mode(status.st_mode);
        if mode.intersects(OTHERS_WRITE) {
            return Err(Error::OpenToOthers { path, mode: mode.as_raw_mode() });
        }
        Ok(Some(Self { path, descriptor }))
    }

    /// Opens it, and creates it first if need be.
    pub(super) fn open_or_create(path: &Path) -> Result<Self, Error> {
        if let Some(directory) = Self::open(path)? {
            return Ok(directory);
        }
        let failed = |source| Error::Directory { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        Self::open(path)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
    }

    /// Says what is in it.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let failed = |error: Errno| Error::Directory { path: self.path.clone(), source: error.into() };
        for entry in Dir::read_from(&self.descriptor).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy();
            match Kind::of(&name) {
                Kind::Upload(name) => drop(listing.names.insert(name)),
                Kind::Partial => listing.partial.push(name.into_owned()),
                Kind::Foreign if matches!(&*name, "." | "..") => {}
                Kind::Foreign => listing.foreign += 1,
            }
        }
        Ok(listing)
    }

    /// The length of a file in bytes; none for what is no regular file. Does not open it: a pipe would block.
    pub(super) fn length(&self, name: &str) -> io::Result<Option<u64>> {
        let status = statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_file = FileType::from_raw_mode(status.st_mode).is_file();
        Ok(is_file.then(|| u64::try_from(status.st_size).unwrap_or_default()))
    }

    /// Has `write` fill a file, which appears under its name once it is whole. Nothing is left of one that fails.
    pub(super) fn create(
        &self,
        name: &Name,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let partial = name.partial();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            File::from(openat(&self.descriptor, partial.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        let written = write(&mut file).and_then(|()| {
            let to = name.to_string();
            Ok(renameat(&self.descriptor, partial.as_str(), &self.descriptor, to)?)
        });
        if written.is_err() {
            drop(self.remove(&partial));
        }
        written
    }

    /// Reads a file of `length` bytes, and one byte more should it have grown.
    pub(super) fn read(&self, name: &str, length: u64) -> io::Result<Bytes> {
        // Should it have become a pipe by now, opening it does not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.descriptor, name, flags, Mode::empty())?);
        let mut bytes = Vec::new();
        let most = length + 1;
        bytes.try_reserve_exact(usize::try_from(most).unwrap_or(usize::MAX))?;
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    /// Removes whatever has that name, but for a directory with something in it.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => Ok(unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Where an upload's file is, for a message.
    pub(super) fn path_of(&self, name: &Name) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// Where it is, for a message.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn nothing_is_left_of_a_file_that_could_not_be_written_whole() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::open_or_create(&parent.path().join("spool")).unwrap();
        let name = Name { arrived_ms: 1, sequence: 2, series: 3 };
        let error = directory
            .create(&name, |file| {
                file.write_all(b"half")?;
                Err(io::ErrorKind::StorageFull.into())
            })
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
