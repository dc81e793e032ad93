use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::recording::Progress;

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
    /// How far the recording is, if there is one.
    pub recording: Option<Progress>,
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

/// Bytes for people.
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1u32 << 20))
}

fn render(status: Status, events_before: u64, elapsed: Duration) -> String {
    let new = status.events.saturating_sub(events_before);
    let rate = new as f64 / elapsed.as_secs_f64().max(0.001);
    let mut text = format!(
        "{rate:.0} events/s   {} processes   {} lost",
        status.processes, status.lost
    );
    // Writing to a string cannot fail.
    let _ = match status.recording {
        None => write!(text, "   {} verdicts", status.verdicts),
        Some(Progress {
            bytes,
            records,
            lost: 0,
            ..
        }) => write!(text, "   {} in {records} records", mebibytes(bytes)),
        Some(Progress {
            bytes,
            records,
            lost,
            ..
        }) => write!(
            text,
            "   {} in {records} records, {lost} NOT RECORDED",
            mebibytes(bytes)
        ),
    };
    text
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
            recording: None,
        };
        let text = render(status, 1_000, Duration::from_secs(2));
        assert_eq!(text, "1000 events/s   7 processes   1 lost   2 verdicts");
    }

    #[test]
    fn a_recording_shows_how_far_it_is_and_what_it_lost() {
        let mut recording = Progress {
            bytes: 3 << 19,
            inputs: 120,
            records: 100,
            lost: 0,
        };
        let shown = |recording| {
            let status = Status {
                events: 100,
                processes: 7,
                lost: 0,
                verdicts: 0,
                recording: Some(recording),
            };
            render(status, 0, Duration::from_secs(1))
        };
        let before = "100 events/s   7 processes   0 lost   1.5 MiB in 100 records";
        assert_eq!(shown(recording), before);
        recording.lost = 4;
        assert_eq!(shown(recording), format!("{before}, 4 NOT RECORDED"));
    }
}
