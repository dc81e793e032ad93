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

impl Timeline {
    /// The greatest share of a core over any second, in percent; over all of it when that is less.
    pub(super) fn worst_second(&self) -> f64 {
        let mut worst: f64 = 0.0;
        let mut first = 0;
        // Seconds at which each step began, and what was used in it.
        let begin = |index: usize| match index {
            0 => 0.0,
            _ => self.points[index - 1].seconds,
        };
        let used = |index: usize| {
            let point = self.points[index];
            point.processor_percent * (point.seconds - begin(index))
        };
        let mut sum = 0.0;
        for (last, point) in self.points.iter().enumerate() {
            sum += used(last);
            while first < last && point.seconds - begin(first + 1) >= 1.0 {
                sum -= used(first);
                first += 1;
            }
            let span = point.seconds - begin(first);
            if span >= 1.0 || last + 1 == self.points.len() && first == 0 {
                worst = worst.max(sum / span);
            }
        }
        worst
    }

    /// Resident memory at most, in MiB.
    pub(super) fn most_resident(&self) -> f64 {
        let memory = self.points.iter().map(|point| point.resident_mib);
        memory.fold(0.0, f64::max)
    }
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

    use super::{Point, Recorder, Timeline, Usage};

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

    fn timeline(points: &[(f64, f64, f64)]) -> Timeline {
        Timeline {
            group: "storm".into(),
            name: String::from("a load"),
            run: 1,
            points: points
                .iter()
                .map(|&(seconds, processor_percent, resident_mib)| Point {
                    seconds,
                    processor_percent,
                    resident_mib,
                })
                .collect(),
        }
    }

    #[test]
    fn the_worst_second_is_a_mean_over_a_second() {
        let close = |points: &[(f64, f64, f64)], expected: f64| {
            let worst = timeline(points).worst_second();
            assert!((worst - expected).abs() < 1e-9, "{worst}, {expected}");
        };
        // A half second of a whole core is half of a second's.
        close(
            &[
                (0.5, 0.0, 1.0),
                (1.0, 100.0, 1.0),
                (1.5, 0.0, 1.0),
                (2.0, 40.0, 1.0),
            ],
            50.0,
        );
        close(&[(0.5, 0.0, 1.0), (2.0, 30.0, 1.0), (3.0, 60.0, 1.0)], 60.0);
        close(&[(0.1, 10.0, 1.0), (0.2, 30.0, 1.0)], 20.0);
        close(&[], 0.0);
    }

    #[test]
    fn the_greatest_memory_is_of_any_point() {
        let timeline = timeline(&[(0.1, 0.0, 20.0), (0.2, 0.0, 31.0), (0.3, 0.0, 25.0)]);
        assert!((timeline.most_resident() - 31.0).abs() < 1e-9);
    }
}
