//! How long the kernel programs look for repeated acts: about a second of the
//! kernel's ticks.

use rustix::time::{ClockId, clock_getres};

/// How many bits of the count of ticks are less than about a second. The coarse
/// clocks have the resolution of the ticks (`kernel/time/posix-timers.c`).
pub(super) fn shift() -> u8 {
    let tick = clock_getres(ClockId::RealtimeCoarse);
    shift_of(tick.tv_nsec)
}

/// The same for ticks of so many nanoseconds: the power of two of them that is next
/// to a second.
fn shift_of(tick: i64) -> u8 {
    /// Of the longest ticks that a kernel can be built with, 2⁵ are a second; of the
    /// shortest, 2¹⁰.
    const SHORTEST: u8 = 4;
    const LONGEST: u8 = 12;
    (SHORTEST..LONGEST)
        .find(|shift| tick.saturating_mul(3 << shift) > 2_000_000_000)
        .unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_about_a_second_whatever_the_ticks_are() {
        for (hertz, shift) in [
            (24, 5),
            (100, 7),
            (250, 8),
            (300, 8),
            (1_000, 10),
            (1_024, 10),
        ] {
            let tick = 1_000_000_000 / hertz;
            assert_eq!(shift_of(tick), shift, "{hertz}");
            let window = tick << shift;
            assert!((750_000_000..=1_340_000_000).contains(&window), "{window}");
        }
        assert_eq!((shift_of(0), shift_of(i64::MAX)), (12, 4));
        let own = shift();
        assert!((5..=10).contains(&own), "{own}");
    }
}
