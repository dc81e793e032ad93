//! What the sensor uses over time while a load is at work.

use std::{
    borrow::Cow,
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use super::usage::Usage;

/// Between two samples: a look takes a tenth of a millisecond, so a thousandth of the time.
const STEP: Duration = Duration::from_millis(100);

/// What the sensor used during one load, about every 100 ms.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Timeline {
    /// The group that it was measured in, under its name on the command line.
    pub(super) group: Cow<'static, str>,
    /// The load.
    pub(super) name: String,
    /// Which of the load's repetitions it is of, from 1 on.
    pub(super) run: usize,
    pub(super) points: Vec<Point>,
}

/// One sample.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Point {
    /// Since the load began.
    pub(super) seconds: f64,
    /// Processor time since the sample before, in percent of one core.
    pub(super) processor_percent: f64,
    /// Resident memory now.
    pub(super) resident_mib: f64,
}

/// Takes samples until it is told to stop; dropped, it stops as well.
pub(super) struct Recorder {
    stop: Sender<()>,
    thread: JoinHandle<Result<Vec<Point>>>,
}

impl Recorder {
    /// Starts with the process whose folder below `/proc` this is.
    pub(super) fn start(process: PathBuf) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let start = Instant::now();
            let mut before = (Duration::ZERO, Usage::of(&process)?.processor);
            let mut points = Vec::new();
            loop {
                let last = stopped.recv_timeout(STEP) != Err(RecvTimeoutError::Timeout);
                let usage = Usage::of(&process)?;
                let now = (start.elapsed(), usage.processor);
                let step = now.0.saturating_sub(before.0);
                // The share in a short rest of a step would be chance.
                if !last || points.is_empty() || step > STEP / 2 {
                    points.push(Point::of(
                        now.0,
                        step,
                        now.1.saturating_sub(before.1),
                        usage,
                    ));
                }
                if last {
                    return Ok(points);
                }
                before = now;
            }
        });
        Self { stop, thread }
    }

    /// Ends with a last sample.
    pub(super) fn stop(
        self,
        group: &'static str,
        name: impl Into<String>,
        run: usize,
    ) -> Result<Timeline> {
        // A thread that has ended says why below.
        let _ = self.stop.send(());
        let points = self.thread.join();
        Ok(Timeline {
            group: Cow::Borrowed(group),
            name: name.into(),
            run,
            points: points.map_err(|_| anyhow!("the thread that takes samples panicked"))??,
        })
    }
}

impl Point {
    fn of(now: Duration, step: Duration, processor: Duration, usage: Usage) -> Self {
        Self {
            seconds: rounded(now.as_secs_f64()),
            processor_percent: rounded(processor.as_secs_f64() / step.as_secs_f64() * 100.0),
            resident_mib: rounded(usage.mebibytes()),
        }
    }
}

/// To three decimals: more would be noise in the file.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::{Point, Recorder, Usage};

    #[test]
    fn samples_are_taken_until_the_end() {
        let recorder = Recorder::start(PathBuf::from("/proc/self"));
        std::thread::sleep(Duration::from_millis(250));
        let timeline = recorder.stop("flood", "a load", 2).expect("samples");
        assert_eq!((timeline.group.as_ref(), timeline.run), ("flood", 2));
        let seconds: Vec<f64> = timeline.points.iter().map(|point| point.seconds).collect();
        assert!(seconds.len() >= 2, "{seconds:?}");
        assert!(seconds.is_sorted(), "{seconds:?}");
        assert!(timeline.points.iter().all(|point| point.resident_mib > 0.1));
    }

    #[test]
    fn a_short_load_has_one_sample() {
        let recorder = Recorder::start(PathBuf::from("/proc/self"));
        let timeline = recorder.stop("flood", "a load", 1).expect("samples");
        assert_eq!(timeline.points.len(), 1);
    }

    #[test]
    fn a_process_that_ended_is_an_error() {
        let recorder = Recorder::start(PathBuf::from("/proc/0"));
        let error = recorder.stop("flood", "a load", 1).expect_err("no process");
        assert!(error.to_string().contains("/proc/0/status"), "{error}");
    }

    #[test]
    fn a_point_has_the_share_of_its_own_step() {
        let usage = Usage {
            processor: Duration::from_secs(9),
            resident: 43 << 20,
        };
        let milliseconds = Duration::from_millis;
        let point = Point::of(
            milliseconds(700),
            milliseconds(200),
            milliseconds(50),
            usage,
        );
        let expected = Point {
            seconds: 0.7,
            processor_percent: 25.0,
            resident_mib: 43.0,
        };
        assert_eq!(point, expected);
    }
}
