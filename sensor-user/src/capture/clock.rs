use std::{ops::RangeInclusive, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Nanoseconds of `CLOCK_BOOTTIME`, the clock of every record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self(nanoseconds(ClockId::Boottime))
    }

    /// Time from `earlier` to this; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Turns boot time into wall-clock time.
///
/// The distance between the clocks changes when somebody sets the time, so it
/// is taken anew by [`WallClock::refresh`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    boot_to_wall: i128,
}

impl WallClock {
    /// Measures the distance between the two clocks.
    #[must_use]
    pub fn new() -> Self {
        /// All of them preempted is a matter of seconds.
        const MEASUREMENTS: usize = 4;
        let mut clock = Self {
            boot_to_wall: *bounds().start(),
        };
        for _ in 0..MEASUREMENTS {
            clock.refresh();
        }
        clock
    }

    /// A clock that is ahead of the boot clock by this many nanoseconds.
    #[must_use]
    pub const fn ahead_by(boot_to_wall: i128) -> Self {
        Self { boot_to_wall }
    }

    /// Nanoseconds by which it is ahead of the boot clock.
    #[must_use]
    pub const fn ahead(self) -> i128 {
        self.boot_to_wall
    }

    /// Takes in that the time may have been set.
    ///
    /// The distance is otherwise constant, and is kept as long as it agrees with
    /// the clocks: records must not change their order by how long it took to
    /// measure.
    pub fn refresh(&mut self) {
        self.correct(&bounds());
    }

    fn correct(&mut self, bounds: &RangeInclusive<i128>) {
        self.boot_to_wall = self.boot_to_wall.clamp(*bounds.start(), *bounds.end());
    }

    /// RFC 3339 in UTC with nine digits of a second.
    #[must_use]
    pub fn rfc3339(self, time: BootTime) -> String {
        jiff::Timestamp::from_nanosecond(self.unix_nanoseconds(time)).map_or_else(
            |_| String::from("1970-01-01T00:00:00.000000000Z"),
            |stamp| format!("{stamp:.9}"),
        )
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn unix_nanoseconds(self, time: BootTime) -> i128 {
        self.boot_to_wall.saturating_add(time.0 as i128)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn unix_seconds(self, time: BootTime) -> i64 {
        i64::try_from(self.unix_nanoseconds(time) / 1_000_000_000).unwrap_or_default()
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Nanoseconds by which the wall clock is ahead of the boot clock: at least and
/// at most. The longer the reading of the clocks takes, the wider.
fn bounds() -> RangeInclusive<i128> {
    let before = nanoseconds(ClockId::Boottime);
    let wall = i128::from(nanoseconds(ClockId::Realtime));
    let after = nanoseconds(ClockId::Boottime).max(before);
    wall - i128::from(after)..=wall - i128::from(before)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let fraction = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_has_nine_digits_and_zulu() {
        let clock = WallClock {
            boot_to_wall: 1_700_000_000_000_000_000,
        };
        assert_eq!(
            clock.rfc3339(BootTime(42)),
            "2023-11-14T22:13:20.000000042Z"
        );
        assert_eq!(clock.unix_seconds(BootTime(2_500_000_000)), 1_700_000_002);
    }

    #[test]
    fn the_distance_changes_only_when_the_clocks_disagree_with_it() {
        let mut clock = WallClock { boot_to_wall: 500 };
        // Whoever is preempted while he reads them knows nothing better.
        clock.correct(&(0..=900));
        assert_eq!(clock.boot_to_wall, 500);
        clock.correct(&(510..=520));
        assert_eq!(clock.boot_to_wall, 510);
        // Somebody set the time back.
        clock.correct(&(-70_010..=-70_000));
        assert_eq!(clock.boot_to_wall, -70_000);

        let measured = bounds();
        clock.refresh();
        assert!(*measured.start() - 1_000_000_000 < clock.boot_to_wall);
        assert!(clock.boot_to_wall < *measured.end() + 1_000_000_000);
    }

    #[test]
    fn an_absurd_time_does_not_panic() {
        let clock = WallClock {
            boot_to_wall: i128::from(u64::MAX) * 4,
        };
        assert!(clock.rfc3339(BootTime(u64::MAX)).ends_with('Z'));
    }

    #[test]
    fn elapsed_time_never_runs_backwards() {
        assert_eq!(BootTime(5).since(BootTime(9)), Duration::ZERO);
        assert_eq!(BootTime(9).since(BootTime(5)), Duration::from_nanos(4));
    }
}
