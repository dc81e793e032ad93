//! How deeply the agent rests between two looks at the rings.

use std::time::{Duration, Instant};

use sensor_common::Rest;

use crate::capture::Drained;

/// The shortest nap: the runtime's timers have a granularity of a millisecond.
const SHORTEST: Duration = Duration::from_millis(2);
/// After a nap of this length that found nothing the agent sleeps. A bulk ring
/// that fills before it is over ends it.
pub(super) const LONGEST: Duration = Duration::from_millis(32);
/// How long urgent records are counted for.
const WINDOW: Duration = Duration::from_millis(100);
/// As many urgent records in a window come faster than it is worth being woken
/// for: two milliseconds of delay for each, against a wake-up for each.
const CROWD: usize = 20;

/// Chooses the next rest from what the last looks found.
#[derive(Debug)]
pub(super) struct Pace {
    nap: Duration,
    window: Instant,
    urgent: usize,
    crowded: bool,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            nap: SHORTEST,
            window: now,
            urgent: 0,
            crowded: false,
        }
    }

    /// Takes in what a look found.
    pub(super) fn found(&mut self, drained: Drained, now: Instant) {
        self.nap = if drained.records > 0 {
            SHORTEST
        } else {
            (self.nap * 2).min(2 * LONGEST)
        };
        let over = now.duration_since(self.window) >= WINDOW;
        if over {
            self.crowded = self.urgent >= CROWD;
            self.window = now;
            self.urgent = 0;
        }
        self.urgent += drained.urgent;
        self.crowded |= self.urgent >= CROWD;
    }

    /// How to rest now, and for how long at most.
    pub(super) fn rest(&self) -> (Rest, Option<Duration>) {
        if self.crowded && self.nap == SHORTEST {
            (Rest::Awake, Some(SHORTEST))
        } else if self.nap <= LONGEST {
            (Rest::Napping, Some(self.nap))
        } else {
            (Rest::Asleep, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Drained = Drained {
        records: 0,
        urgent: 0,
    };

    fn drained(records: usize, urgent: usize) -> Drained {
        Drained { records, urgent }
    }

    #[test]
    fn naps_grow_until_the_agent_sleeps_and_a_record_shortens_them() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        pace.found(drained(3, 0), now);
        let mut naps = Vec::new();
        while let (Rest::Napping, Some(nap)) = pace.rest() {
            naps.push(nap.as_millis());
            pace.found(NOTHING, now);
        }
        assert_eq!(naps, [2, 4, 8, 16, 32]);
        assert_eq!(pace.rest(), (Rest::Asleep, None));
        pace.found(NOTHING, now);
        assert_eq!(pace.rest(), (Rest::Asleep, None));
        pace.found(drained(1, 1), now);
        assert_eq!(pace.rest(), (Rest::Napping, Some(SHORTEST)));
    }

    #[test]
    fn a_crowd_of_urgent_records_wakes_nobody_until_it_is_over() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.found(drained(CROWD, CROWD), start);
        assert_eq!(pace.rest(), (Rest::Awake, Some(SHORTEST)));
        // The window in which it was seen is over, and so is the next.
        pace.found(drained(1, 0), start + WINDOW);
        assert_eq!(pace.rest(), (Rest::Awake, Some(SHORTEST)));
        pace.found(drained(1, 0), start + 2 * WINDOW);
        assert_eq!(pace.rest(), (Rest::Napping, Some(SHORTEST)));
    }

    #[test]
    fn sleeping_for_long_does_not_overflow() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..1_000 {
            pace.found(NOTHING, now);
        }
        assert_eq!(pace.rest(), (Rest::Asleep, None));
    }
}
