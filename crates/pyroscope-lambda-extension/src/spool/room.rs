//! What has to go so that the directory stays within its limit: pure.

use std::collections::VecDeque;

use super::name::Name;

/// The bytes that a spool may take, and the files that take some of them already.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    used: u64,
    /// Files of an earlier process and their lengths, oldest first.
    present: VecDeque<(Name, u64)>,
}

// === impl Room ===

impl Room {
    /// `present` is sorted, oldest first.
    pub(super) fn new(limit: u64, present: VecDeque<(Name, u64)>) -> Self {
        let used = present.iter().map(|(_, length)| length).sum();
        Self { limit, used, present }
    }

    /// Takes a file of `length` bytes, and says which older ones have to go for it; none where that is no use.
    pub(super) fn admit(&mut self, arrived_ms: u64, length: u64) -> Option<Vec<Name>> {
        let excess = (self.used + length).saturating_sub(self.limit);
        let mut freed = 0;
        let mut enough = 0;
        for (name, length) in &self.present {
            if freed >= excess || name.arrived_ms > arrived_ms {
                break;
            }
            freed += length;
            enough += 1;
        }
        if freed < excess {
            return None;
        }
        self.used = self.used + length - freed;
        Some(self.present.drain(..enough).map(|(name, _)| name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn name(arrived_ms: u64) -> Name {
        Name { arrived_ms, sequence: 0, series: 0 }
    }

    fn room(limit: u64, present: &[(u64, u64)]) -> Room {
        Room::new(limit, present.iter().map(|&(arrived, length)| (name(arrived), length)).collect())
    }

    #[test]
    fn older_files_go_as_far_as_they_have_to() {
        for (limit, present, (arrived, length), expected) in [
            (10, &[][..], (5, 10), Some(vec![])),
            (10, &[], (5, 11), None),
            (10, &[(1, 4), (2, 4)], (5, 2), Some(vec![])),
            (10, &[(1, 4), (2, 4)], (5, 3), Some(vec![1])),
            (10, &[(1, 4), (2, 4)], (5, 7), Some(vec![1, 2])),
            // Nothing goes for one that would not fit all the same.
            (10, &[(1, 4), (2, 4)], (5, 11), None),
            // Nor does a newer one go for an older one.
            (10, &[(1, 4), (6, 4)], (5, 7), None),
            (10, &[(1, 4), (6, 4)], (5, 6), Some(vec![1])),
            // The limit was lowered.
            (3, &[(1, 4), (2, 4)], (5, 3), Some(vec![1, 2])),
        ] {
            let displaced = room(limit, present).admit(arrived, length);
            let expected = expected.map(|gone| gone.into_iter().map(name).collect());
            assert_eq!(displaced, expected, "{limit} {present:?} {arrived} {length}");
        }
    }

    #[test]
    fn what_has_been_admitted_counts() {
        let mut room = room(10, &[(1, 5)]);
        assert_eq!(room.admit(9, 5), Some(vec![]));
        assert_eq!(room.admit(8, 5), Some(vec![name(1)]));
        assert_eq!(room.admit(7, 1), None);
    }
}
