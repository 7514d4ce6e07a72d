//! Which profiles were acknowledged, in a file that outlives every crash: a line each.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The file, as the load writes it.
#[derive(Debug)]
pub(super) struct Ledger {
    file: File,
}

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// How many processes wrote it, one after the other.
    pub(crate) lives: usize,
    /// Profiles that were answered with 200, each with the life in which it was, from 0.
    pub(crate) acknowledged: BTreeMap<u64, usize>,
    /// Profiles that were answered with anything else, and that status.
    pub(crate) turned_away: BTreeMap<u64, u16>,
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn append(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    pub(super) fn started(&mut self) -> io::Result<()> {
        self.file.write_all(b"started\n")
    }

    pub(super) fn answered(&mut self, number: u64, status: u16) -> io::Result<()> {
        self.file.write_all(format!("{number} {status}\n").as_bytes())
    }
}

// === impl Entries ===

impl Entries {
    pub(crate) fn read(text: &str) -> Self {
        let mut entries = Self::default();
        // A line that has no end was being written when its process was killed: nothing that was promised.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            if line == "started" {
                entries.lives += 1;
            } else if let Some((number, status)) = line.split_once(' ')
                && let (Ok(number), Ok(status)) = (number.parse(), status.parse())
            {
                if status == 200 {
                    entries.acknowledged.insert(number, entries.lives.saturating_sub(1));
                } else {
                    entries.turned_away.insert(number, status);
                }
            }
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;

    #[test]
    fn a_profile_belongs_to_the_life_that_acknowledged_it() {
        let entries = Entries::read("started\n1 200\n2 503\nstarted\n3 200\n4 20");

        assert_eq!(entries.lives, 2);
        assert_eq!(entries.acknowledged.into_iter().collect::<Vec<_>>(), [(1, 0), (3, 1)]);
        assert_eq!(entries.turned_away.into_iter().collect::<Vec<_>>(), [(2, 503)]);
    }
}
