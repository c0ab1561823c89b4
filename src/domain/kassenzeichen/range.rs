//! A range of Kassenzeichen and the blocks in which instances lease it.

use super::Scheme;
use crate::domain::names::RangeName;

/// The most numbers one lease may take; a crash wastes at most so many.
pub const BLOCK_SIZE_MAX: u32 = 100_000;

/// From which part of a range on the treasury is told to open another, in thousandths.
pub const ALARM_PER_MILLE: u16 = 800;

/// The part of a scheme's numbers that a Mandant may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Range {
    name: RangeName,
    scheme: Scheme,
    first: u64,
    last: u64,
    block_size: u32,
}

impl Range {
    /// Takes the numbers from `first` to `last`, both included, leased `block_size` at a time.
    pub fn new(name: RangeName, scheme: Scheme, first: u64, last: u64, block_size: u32) -> Result<Self, RangeError> {
        if first > last {
            return Err(RangeError::Empty);
        }
        if last > scheme.largest() {
            return Err(RangeError::TooLarge { largest: scheme.largest() });
        }
        if block_size == 0 || block_size > BLOCK_SIZE_MAX {
            return Err(RangeError::BlockSize);
        }
        Ok(Self { name, scheme, first, last, block_size })
    }

    /// Its name in settings.
    pub fn name(&self) -> &RangeName {
        &self.name
    }

    /// How its numbers are made.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The first running number.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last running number, included.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many numbers one lease takes.
    pub fn block_size(&self) -> u32 {
        self.block_size
    }

    /// Whether some Kassenzeichen might be given out by both ranges, as far as prefix and running numbers can tell.
    ///
    /// Check digits are taken as if they could be any. Two ranges that this keeps apart never meet; two that it does not
    /// may still happen to, and nobody could tell the difference by looking at them.
    pub fn may_meet(&self, other: &Self) -> bool {
        if self.scheme.length() != other.scheme.length() {
            return false;
        }
        let same_digits = self.scheme.prefix == other.scheme.prefix && self.scheme.digits == other.scheme.digits;
        if same_digits && self.scheme.check_digit == other.scheme.check_digit {
            return self.first <= other.last && other.first <= self.last;
        }
        let ((first, last), (other_first, other_last)) = (self.bounds(), other.bounds());
        first <= other_last && other_first <= last
    }

    /// The first and the last text that its numbers may become; those of one length, so that texts sort as numbers do.
    fn bounds(&self) -> (String, String) {
        let (first, _) = self.scheme.check_digit.bounds(&self.scheme.payload(self.first));
        let (_, last) = self.scheme.check_digit.bounds(&self.scheme.payload(self.last));
        (first, last)
    }

    /// How much of the range lies before `next`, the next number to be given out, in thousandths, rounded down.
    pub fn usage(&self, next: u64) -> u16 {
        let all = u128::from(self.last.saturating_sub(self.first)).saturating_add(1);
        let used = u128::from(next.saturating_sub(self.first)).min(all);
        let per_mille = used.saturating_mul(1000).checked_div(all).unwrap_or(1000);
        u16::try_from(per_mille).unwrap_or(1000)
    }

    /// Whether it is time to open another range.
    pub fn is_nearly_used_up(&self, next: u64) -> bool {
        self.usage(next) >= ALARM_PER_MILLE
    }

    /// The block after the last leased one, which ended with `end`; the first block when none was leased.
    ///
    /// The last block may be shorter. An end before the range, from an older setting, leads to the first block.
    pub fn next_block(&self, end: Option<u64>) -> Result<Block, Exhausted> {
        let first = match end {
            Some(end) => end.checked_add(1).ok_or(Exhausted)?.max(self.first),
            None => self.first,
        };
        if first > self.last {
            return Err(Exhausted);
        }
        let last = first.saturating_add(u64::from(self.block_size).saturating_sub(1)).min(self.last);
        Ok(Block { first, last })
    }
}

/// Numbers leased by one instance, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Every number of the range is leased.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the range of Kassenzeichen is exhausted")]
pub struct Exhausted;

/// Why there is no such range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// It ends before it begins.
    #[error("must not be smaller than first")]
    Empty,
    /// Its end has more digits than the scheme.
    #[error("must be at most {largest}, which is all that the digits can hold")]
    TooLarge {
        /// The largest running number.
        largest: u64,
    },
    /// A lease would take nothing, or too much.
    #[error("must be from 1 to {BLOCK_SIZE_MAX}")]
    BlockSize,
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::kassenzeichen::{CheckDigit, PrintMask};

    fn range(first: u64, last: u64, block_size: u32) -> Result<Range, RangeError> {
        let scheme = Scheme::new("2026".to_owned(), 8, CheckDigit::Mod11_10, PrintMask::default()).unwrap();
        Range::new(RangeName::parse("online").unwrap(), scheme, first, last, block_size)
    }

    #[test]
    fn usage_rings_at_eighty_percent() {
        let range = range(1, 1000, 100).unwrap();
        for (next, usage, alarm) in [
            (0, 0, false),
            (1, 0, false),
            (800, 799, false),
            (801, 800, true),
            (1001, 1000, true),
            (u64::MAX, 1000, true),
        ] {
            assert_eq!((range.usage(next), range.is_nearly_used_up(next)), (usage, alarm), "{next}");
        }
    }

    #[test]
    fn blocks_follow_each_other_until_the_range_is_exhausted() {
        let range = range(10, 34, 10).unwrap();
        let mut end = None;
        let mut blocks = Vec::new();
        while let Ok(block) = range.next_block(end) {
            blocks.push((block.first, block.last));
            end = Some(block.last);
        }
        assert_eq!(blocks, [(10, 19), (20, 29), (30, 34)]);
        assert_eq!(range.next_block(Some(u64::MAX)), Err(Exhausted));
        assert_eq!(range.next_block(Some(3)), Ok(Block { first: 10, last: 19 }));
    }

    #[test]
    fn ranges_that_cannot_work_are_refused() {
        assert_eq!(range(5, 4, 1), Err(RangeError::Empty));
        assert_eq!(range(1, 100_000_000, 1), Err(RangeError::TooLarge { largest: 99_999_999 }));
        assert_eq!(range(1, 2, 0), Err(RangeError::BlockSize));
        assert_eq!(range(1, 2, BLOCK_SIZE_MAX + 1), Err(RangeError::BlockSize));
        assert!(range(0, 99_999_999, BLOCK_SIZE_MAX).is_ok());
    }

    #[test]
    fn ranges_meet_where_their_texts_may_be_the_same() {
        use CheckDigit::{Iso11649, Mod10, Mod11, None};
        let made = |prefix: &str, digits, check_digit, first, last| {
            let scheme = Scheme::new(prefix.to_owned(), digits, check_digit, PrintMask::default()).unwrap();
            Range::new(RangeName::parse("any").unwrap(), scheme, first, last, 1).unwrap()
        };
        let base = made("42", 8, Mod10, 100, 199);
        for (other, meets) in [
            (made("42", 8, Mod10, 199, 300), true),
            (made("42", 8, Mod10, 200, 300), false),
            (made("42", 8, Mod10, 0, 99), false),
            (made("42", 8, Mod11, 150, 160), true),
            (made("42", 8, Mod11, 200, 300), false),
            (made("42", 9, Mod10, 100, 199), false),
            (made("43", 8, Mod10, 100, 199), false),
            // The same length and beginning, split elsewhere between prefix and number.
            (made("4200", 6, Mod10, 150, 150), true),
            (made("4200", 6, Mod10, 200, 250), false),
            (made("42", 9, None, 1_500, 1_500), true),
            (made("42", 9, None, 2_000, 2_500), false),
            (made("", 7, Iso11649, 100, 199), false),
        ] {
            assert_eq!((base.may_meet(&other), other.may_meet(&base)), (meets, meets), "{other:?}");
        }
        let rf = made("42", 8, Iso11649, 100, 199);
        assert!(!rf.may_meet(&made("42", 8, Iso11649, 200, 299)));
        assert!(rf.may_meet(&made("RF50", 10, None, 4_200_000_150, 4_200_000_150)));
    }

    proptest! {
        #[test]
        fn no_number_is_leased_twice_or_left_out(first in 0_u64..1000, more in 0_u64..1000, block_size in 1_u32..200) {
            let range = range(first, first + more, block_size).unwrap();
            let mut expected = first;
            let mut end = None;
            while let Ok(block) = range.next_block(end) {
                prop_assert_eq!(block.first, expected);
                prop_assert!(block.last >= block.first && block.last - block.first < u64::from(block_size));
                expected = block.last + 1;
                end = Some(block.last);
            }
            prop_assert_eq!(expected, first + more + 1);
        }
    }
}
