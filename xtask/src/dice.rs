//! Numbers that look random and are the same for the same seed.

use std::ops::RangeInclusive;

/// A sequence of numbers: `SplitMix64`.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

// === impl Dice ===

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range.
    pub(crate) const fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = (*range.start(), *range.end());
        low + self.roll() % (high - low + 1)
    }

    /// True in so many of a hundred cases.
    pub(crate) const fn percent(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// One of these, which are not empty.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T], or: T) -> T {
        let index = self.within(0..=(all.len().max(1) as u64 - 1));
        usize::try_from(index).ok().and_then(|index| all.get(index)).copied().unwrap_or(or)
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_gives_others() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            [dice.roll(), dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let mut dice = Dice::new(1);
        let all: Vec<u64> = (0..200).map(|_| dice.within(3..=5)).collect();
        assert!(all.iter().all(|number| (3..=5).contains(number)));
        assert!([3, 4, 5].iter().all(|number| all.contains(number)));
    }
}
