//! The twin's own small generator, so that a run can be repeated from its seed alone.

use serde::{Deserialize, Serialize};

/// The odd constant by which the state of `SplitMix64` moves on (Steele, Lea and Flood, 2014).
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: enough for references and luck, and never to be used for a secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Two generators of one seed with different `stream` give unrelated numbers.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = Self { state: seed ^ stream.wrapping_mul(GOLDEN_GAMMA) };
        generator.next();
        generator
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Whether something happens whose probability is `permille` in a thousand.
    pub(crate) fn happens(&mut self, permille: u64) -> bool {
        self.next() % 1000 < permille
    }

    /// A text of `length` characters out of `alphabet`.
    pub(crate) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        let mut draw = || {
            let index = self.next().checked_rem(count)?;
            letters.get(usize::try_from(index).ok()?)
        };
        (0..length).filter_map(|_| draw()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence_comes_out() {
        let mut generator = SplitMix64 { state: 1_234_567 };
        let drawn: Vec<u64> = (0..3).map(|_| generator.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |stream| SplitMix64::new(7, stream).text("ABCDEF", 16);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert_eq!(draw(1).len(), 16);
    }
}
