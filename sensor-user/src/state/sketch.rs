use crate::capture::BootTime;

/// Bits of a [`Distinct`].
const BITS: u32 = 256;

/// How many different things were seen, in 32 bytes.
///
/// Linear counting (Whang, Vander-Zanden and Taylor, 1990): exact for a few,
/// within some percent up to about a hundred, and never above 1420.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distinct([u64; 4]);

impl Distinct {
    /// Notes one thing by its hash.
    pub fn insert(&mut self, hash: u64) {
        let bit = hash % u64::from(BITS);
        let word = usize::try_from(bit / 64).unwrap_or_default();
        self.0[word & 3] |= 1 << (bit % 64);
    }

    /// What was seen by either.
    #[must_use]
    pub(super) fn union(self, other: Self) -> Self {
        let mut words = self.0;
        for (word, other) in words.iter_mut().zip(other.0) {
            *word |= other;
        }
        Self(words)
    }

    /// The estimate.
    #[must_use]
    pub fn estimate(&self) -> f32 {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let free = (BITS - set).max(1) as f32;
        let bits = BITS as f32;
        -bits * (free / bits).ln()
    }
}

/// FNV-1a: a fixed hash, so that features do not change from run to run.
#[must_use]
pub(super) fn stable_hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // FNV's low bits are weak for short keys: fold the high half in.
    hash ^ (hash >> 32)
}

/// Two counts of the same: one halves every ten seconds, one every second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decaying {
    slow: f32,
    fast: f32,
    at: BootTime,
}

impl Decaying {
    /// Half-life of [`Decaying::value`], in seconds.
    const HALF_LIFE: f32 = 10.0;
    /// Half-life of [`Decaying::burst`], in seconds.
    const FAST_HALF_LIFE: f32 = 1.0;

    /// Adds one at this time.
    pub fn add(&mut self, now: BootTime) {
        self.add_times(1, now);
    }

    /// Adds so many at this time.
    pub fn add_times(&mut self, times: u32, now: BootTime) {
        let times = times as f32;
        (self.slow, self.fast) = (self.value(now) + times, self.burst(now) + times);
        self.at = self.at.max(now);
    }

    /// The count of the last ten seconds or so.
    #[must_use]
    pub fn value(&self, now: BootTime) -> f32 {
        self.slow * self.left(now, Self::HALF_LIFE)
    }

    /// The count of the last second or so.
    #[must_use]
    pub fn burst(&self, now: BootTime) -> f32 {
        self.fast * self.left(now, Self::FAST_HALF_LIFE)
    }

    /// The share that is left at this time.
    fn left(&self, now: BootTime, half_life: f32) -> f32 {
        if now <= self.at {
            return 1.0;
        }
        let elapsed = now.since(self.at).as_secs_f32();
        (-elapsed / half_life).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_things_are_counted_about_exactly() {
        let mut distinct = Distinct::default();
        for port in 0u32..20 {
            for _ in 0..3 {
                distinct.insert(stable_hash(&port.to_le_bytes()));
            }
        }
        let estimate = distinct.estimate();
        assert!((18.0..=22.0).contains(&estimate), "{estimate}");
    }

    #[test]
    fn the_estimate_is_bounded() {
        let distinct = Distinct([u64::MAX; 4]);
        assert!(distinct.estimate() < 1_421.0);
        assert!(Distinct::default().estimate().abs() < f32::EPSILON);
    }

    #[test]
    fn ten_seconds_halve_a_count() {
        let mut count = Decaying::default();
        for _ in 0..8 {
            count.add(BootTime(1_000_000_000));
        }
        let later = count.value(BootTime(11_000_000_000));
        assert!((later - 4.0).abs() < 1e-3, "{later}");
        let burst = count.burst(BootTime(3_000_000_000));
        assert!((burst - 2.0).abs() < 1e-3, "{burst}");
        // A record that arrives late does not turn the clock back.
        count.add(BootTime(0));
        assert!((count.value(BootTime(1_000_000_000)) - 9.0).abs() < 1e-3);
    }
}
