use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// What the status line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Events since the start.
    pub events: u64,
    /// Live processes.
    pub processes: usize,
    /// Records lost since the start.
    pub lost: u64,
    /// Verdicts since the start.
    pub verdicts: u64,
}

/// One line on standard error: rewritten in place on a terminal, a line every
/// ten seconds otherwise.
#[derive(Debug)]
pub struct StatusLine {
    terminal: bool,
    shown: bool,
    last: Instant,
    last_events: u64,
}

impl StatusLine {
    /// How often the line changes on a terminal.
    pub const INTERVAL: Duration = Duration::from_secs(1);
    const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

    /// A line that was not shown yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            shown: false,
            last: Instant::now(),
            last_events: 0,
        }
    }

    /// Shows the line when it is due.
    pub fn update(&mut self, status: Status) {
        let elapsed = self.last.elapsed();
        let due = if self.terminal {
            Self::INTERVAL
        } else {
            Self::PLAIN_INTERVAL
        };
        if elapsed < due {
            return;
        }
        let text = render(status, self.last_events, elapsed);
        self.last = Instant::now();
        self.last_events = status.events;
        let mut stderr = io::stderr().lock();
        // Nobody can be told that standard error is gone.
        let _ = if self.terminal {
            self.shown = true;
            write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{text}")
        };
    }

    /// Clears the line, so that other text can be written.
    pub fn clear(&mut self) {
        if self.shown {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
            self.shown = false;
        }
    }
}

impl Default for StatusLine {
    fn default() -> Self {
        Self::new()
    }
}

fn render(status: Status, events_before: u64, elapsed: Duration) -> String {
    let new = status.events.saturating_sub(events_before);
    let rate = new as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{rate:.0} events/s   {} processes   {} lost   {} verdicts",
        status.processes, status.lost, status.verdicts
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_the_last_interval() {
        let status = Status {
            events: 3_000,
            processes: 7,
            lost: 1,
            verdicts: 2,
        };
        let text = render(status, 1_000, Duration::from_secs(2));
        assert_eq!(text, "1000 events/s   7 processes   1 lost   2 verdicts");
    }
}
