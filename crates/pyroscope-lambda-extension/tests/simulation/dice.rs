//! Randomness from a seed: the same seed, the same throws.

use std::ops::Range;
use std::time::Duration;

/// Throws that follow from a seed alone (`SplitMix64`, by Steele, Lea and Flood).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any number of `range`.
    pub(crate) const fn number(&mut self, range: Range<u64>) -> u64 {
        range.start + self.bits() % (range.end - range.start)
    }

    /// Any whole number of milliseconds of `range`.
    pub(crate) const fn ms(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(crate) const fn percent(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    /// Any of these.
    pub(crate) const fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.number(0..these.len() as u64) as usize]
    }
}
