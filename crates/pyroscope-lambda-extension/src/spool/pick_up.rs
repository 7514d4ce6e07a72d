//! What an earlier process left, one file at a time.

use std::collections::btree_set;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::directory::{Directory, Listing};
use super::error::Error;
use super::name::Name;
use super::record;
use crate::backlog::MAX_AGE;
use crate::upload::Upload;

/// The uploads that an earlier process left, oldest first. Each step reads one file at most.
///
/// An error is about one file, or about all that are not ours; it never ends the iteration.
#[derive(Debug)]
pub struct PickUp {
    /// None where there is nothing.
    directory: Option<Arc<Directory>>,
    names: btree_set::IntoIter<Name>,
    /// Files that are not ours and have not been told of yet.
    foreign: usize,
    now: SystemTime,
    largest: usize,
}

/// An upload of an earlier process.
#[derive(Debug)]
pub struct Recovered {
    /// The upload.
    pub upload: Upload,
    /// Its file, which is still there.
    pub entry: Entry,
}

/// The file of an upload. It stays unless it is removed: the next start finds it again.
#[must_use = "the file stays until it is removed"]
pub struct Entry {
    directory: Arc<Directory>,
    name: Name,
}

// === impl PickUp ===

impl PickUp {
    pub(super) fn open(path: &Path, now: SystemTime, largest: usize) -> Result<Self, Error> {
        let directory = Directory::open(path)?;
        let mut listing = Listing::default();
        if let Some(directory) = &directory {
            listing = directory.list()?;
            for partial in &listing.partial {
                // What can't be removed now is there for the next start to try.
                drop(directory.remove(partial));
            }
        }
        Ok(Self {
            directory: directory.map(Arc::new),
            names: listing.names.into_iter(),
            foreign: listing.foreign,
            now,
            largest,
        })
    }

    /// How many files have not been looked at yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.names.len()
    }

    /// None where the file is gone: another process was faster.
    fn read(&self, directory: &Arc<Directory>, name: Name) -> Option<Result<Recovered, Error>> {
        let path = || directory.path_of(&name);
        let file_name = name.to_string();
        let error = match self.try_read(directory, name, &file_name) {
            Ok(upload) => {
                let entry = Entry { directory: Arc::clone(directory), name };
                return Some(Ok(Recovered { upload, entry }));
            }
            Err(Error::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => return None,
            // Out of descriptors, say: the next start may do better, and in an hour it is too old anyway.
            Err(Error::Unreadable { source, .. }) if source.kind() != io::ErrorKind::PermissionDenied => {
                return Some(Err(Error::Unreadable { path: path(), source }));
            }
            Err(error) => error,
        };
        // The error at hand says more than that the file could not be removed, either.
        drop(directory.remove(&file_name));
        Some(Err(error))
    }

    fn try_read(&self, directory: &Directory, name: Name, file_name: &str) -> Result<Upload, Error> {
        let path = || directory.path_of(&name);
        let unreadable = |source| Error::Unreadable { path: path(), source };
        let length = directory.length(file_name).map_err(unreadable)?;
        let length = length.ok_or_else(|| Error::NotAFile { path: path() })?;
        // The name alone tells the age, so that what is too old need not be read.
        let arrived = UNIX_EPOCH.checked_add(Duration::from_millis(name.arrived_ms)).unwrap_or(UNIX_EPOCH);
        if self.now.duration_since(arrived).is_ok_and(|age| age > MAX_AGE) {
            return Err(Error::Expired { path: path() });
        }
        if usize::try_from(length).map_or(true, |length| length > self.largest) {
            return Err(Error::Oversized { path: path(), length, largest: self.largest });
        }
        let bytes = directory.read(file_name, length).map_err(unreadable)?;
        record::decode(&bytes).map_err(|source| Error::Broken { path: path(), source })
    }
}

impl Iterator for PickUp {
    type Item = Result<Recovered, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let directory = Arc::clone(self.directory.as_ref()?);
        if self.foreign > 0 {
            let count = std::mem::take(&mut self.foreign);
            return Some(Err(Error::Foreign { path: directory.path().to_owned(), count }));
        }
        loop {
            let name = self.names.next()?;
            if let Some(found) = self.read(&directory, name) {
                return Some(found);
            }
        }
    }
}

// === impl Entry ===

impl Entry {
    /// Removes the file: its upload needs it no more.
    ///
    /// # Errors
    /// Where it can't be removed, so that the next start will find it again.
    pub fn remove(self) -> Result<(), Error> {
        self.directory
            .remove(&self.name.to_string())
            .map_err(|source| Error::Remove { path: self.directory.path_of(&self.name), source })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.directory.path_of(&self.name)).finish()
    }
}
