//! Random choices that are the same for the same seed.

/// The generator `SplitMix64`: small, and good enough to vary names and sizes with.
pub(super) struct Chance(u64);

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const SYLLABLES: &[&str] = &[
    "al", "ba", "cor", "da", "el", "fin", "ga", "hor", "in", "jo", "ka", "lum", "ma", "net", "or",
    "pi", "qua", "re", "sys", "ta", "ul", "ver", "web", "xen", "yor", "zet",
];

impl Chance {
    /// A stream of its own for each part that is named.
    pub(super) fn new(seed: u64, name: &str, variant: usize) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in name.bytes().chain(variant.to_le_bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(state)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub(super) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of the values.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, values: &[&'a T]) -> &'a T {
        values[self.below(values.len())]
    }

    /// A name: pronounceable, or letters and digits.
    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        if self.percent(70) {
            for _ in 0..self.between(2, 4) {
                name.push_str(self.pick(SYLLABLES));
            }
        } else {
            name.push(char::from(LETTERS[self.below(LETTERS.len())]));
            for _ in 0..self.between(3, 11) {
                let choice = self.below(LETTERS.len() + 10);
                let digit = || char::from(b'0' + u8::try_from(choice % 10).unwrap_or_default());
                name.push(
                    LETTERS
                        .get(choice)
                        .map_or_else(digit, |letter| char::from(*letter)),
                );
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_seed_gives_the_same_choices_and_another_variant_others() {
        let names = |variant| {
            let mut chance = Chance::new(7, "case", variant);
            [chance.name(), chance.name(), chance.name()]
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut chance = Chance::new(1, "", 0);
        assert!((0..1_000).all(|_| (3..=5).contains(&chance.between(3, 5))));
    }
}
