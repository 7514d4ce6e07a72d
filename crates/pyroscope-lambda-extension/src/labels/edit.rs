//! Cuts and insertions, gathered in one pass over a body and carried out in another.

use std::ops::Range;

use super::body::Untouched;
use super::set::LeftOut;

/// The most that labels may add to one body, in bytes: some hundred series with a usual set. A body of empty series alone
/// could grow by a hundred times its size otherwise.
const MOST_ADDED: usize = 256 * 1024;

/// What is to become of a body. Its result never grows beyond the limit.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    body: &'a [u8],
    /// What the cuts put in, one after the other.
    inserted: Vec<u8>,
    /// In the order of the body, none over another.
    cuts: Vec<Cut>,
    removed: usize,
    limit: usize,
    /// Labels for which a series has no room.
    left_out: LeftOut,
}

/// Bytes of the body, perhaps none, that give way to bytes that are inserted.
#[derive(Clone, Debug)]
struct Cut {
    body: Range<usize>,
    inserted: Range<usize>,
}

// === impl Edit ===

impl<'a> Edit<'a> {
    /// Nothing to change yet. A body over the limit, in bytes, is refused.
    pub(super) fn new(body: &'a [u8], limit: usize) -> Result<Self, Untouched> {
        if body.len() > limit {
            return Err(Untouched::TooLarge { limit });
        }
        Ok(Self {
            body,
            inserted: Vec::new(),
            cuts: Vec::new(),
            removed: 0,
            limit,
            left_out: LeftOut::default(),
        })
    }

    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Replaces a range, which is behind all that have been replaced before, by what `put` appends.
    pub(super) fn replace(
        &mut self,
        range: Range<usize>,
        put: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Untouched> {
        let start = self.inserted.len();
        put(&mut self.inserted);
        self.removed += range.len();
        self.cuts.push(Cut { body: range, inserted: start..self.inserted.len() });
        if self.size() > self.limit {
            return Err(Untouched::TooLarge { limit: self.limit });
        }
        if self.inserted.len() > MOST_ADDED {
            return Err(Untouched::TooMuchAdded { limit: MOST_ADDED });
        }
        Ok(())
    }

    /// Notes labels that a series has no room for.
    pub(super) const fn leave_out(&mut self, labels: LeftOut) {
        self.left_out.add(labels);
    }

    pub(super) const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The size of the result, in bytes.
    pub(super) fn size(&self) -> usize {
        (self.body.len() + self.inserted.len()).saturating_sub(self.removed)
    }

    /// The result, piece by piece.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.cuts.iter().map(|cut| cut.body.end));
        let ends = self.cuts.iter().map(|cut| cut.body.start).chain([self.body.len()]);
        let kept = starts.zip(ends).map(|(start, end)| self.body.get(start..end).unwrap_or_default());
        let inserted =
            self.cuts.iter().map(|cut| self.inserted.get(cut.inserted.clone()).unwrap_or_default());
        kept.zip(inserted.chain([[].as_slice()]))
            .flat_map(<[&[u8]; 2]>::from)
            .filter(|piece| !piece.is_empty())
    }

    /// The result in one piece.
    pub(super) fn copy(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(self.size());
        self.pieces().for_each(|piece| copy.extend_from_slice(piece));
        copy
    }
}
