//! `cargo xtask bench soak`: whether the sensor stays as it is under a load that lasts.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use super::{
    Bench, SensorChoice, interrupt,
    load::{self, Load},
    progress,
    sensor::{Events, Sensor},
    summary::Outcome,
    trend::Trend,
};
use crate::workspace;

/// Run a mixed load beside the sensor for long, and see whether it stays as it was; needs root
///
/// Programs are run, processes forked, files made and removed, sockets connected, in rounds of about a
/// second, each with a short flood. It fails when a record was lost, when the accounting does not add
/// up, when descriptors or the memory of kernel maps grew, or when the sensor's own memory did by
/// more than a bound; the slope is printed in any case.
#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench soak --minutes 30 --json soak.json")]
pub(crate) struct Arguments {
    /// How long; fractions are allowed
    #[arg(long, value_name = "NUMBER", default_value_t = 30.0)]
    minutes: f64,
    /// Write every sample to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    sensor: SensorChoice,
}

/// Processes that come and go before anything is judged: more than the sensor remembers of those
/// that ended, so that its table is as large as it gets.
const PROCESSES_BEFORE: u64 = 10_000;
/// What every other load does before, as fast as it goes.
const OTHERS_BEFORE: Duration = Duration::from_millis(500);
/// Growth of resident memory, by the fitted line, that is no growth: pages are touched for the
/// first time now and then.
const GROWTH_ALLOWED_MIB: f64 = 12.0;
/// How long a round takes with its rest.
const ROUND: Duration = Duration::from_secs(1);
/// Of each round, as fast as it goes.
const FLOOD: Duration = Duration::from_millis(50);

/// What the sensor holds at a moment.
#[derive(Clone, Copy, Debug, Serialize)]
struct Sample {
    /// Since the load began.
    seconds: f64,
    resident_mib: f64,
    /// Processor time so far, of all threads.
    processor_seconds: f64,
    descriptors: usize,
    threads: usize,
    /// What the kernel counts for the maps that the sensor holds.
    map_bytes: u64,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Report<'a> {
    minutes: f64,
    acts: u64,
    slope_kib_per_minute: f64,
    samples: &'a [Sample],
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "loading programs into the kernel needs root: start this command as root"
    );
    ensure!(
        arguments.minutes > 0.0 && arguments.minutes <= 10_080.0,
        "--minutes is {}, allowed is more than 0 and at most 10080, a week",
        arguments.minutes
    );
    if let Some(path) = &arguments.json {
        fs::File::create(path).with_context(|| format!("create {}", path.display()))?;
    }
    let bench = Bench::new(arguments.sensor.program()?, false)?;
    let length = Duration::from_secs_f64(arguments.minutes * 60.0);
    interrupt::catch()?;
    let mut sensor = Sensor::start(&bench, Events::Verdicts)?;
    let (samples, acts) = run(&bench, &mut sensor, length)?;
    let outcome = sensor.stop()?;

    let trend = Trend::of(
        samples
            .iter()
            .map(|sample| (sample.seconds, sample.resident_mib)),
    );
    let slope = trend.slope * 60.0 * 1024.0;
    if let Some(path) = &arguments.json {
        let report = Report {
            minutes: arguments.minutes,
            acts,
            slope_kib_per_minute: slope,
            samples: &samples,
        };
        let text = serde_json::to_string_pretty(&report).context("write the samples")?;
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    println!("{}", table(&samples));
    println!(
        "{acts} acts, {} events, {} verdicts in {:.1} min\n\
         resident memory: {slope:+.1} KiB a minute",
        outcome.summary.events, outcome.summary.verdicts, arguments.minutes,
    );
    let problems = problems(&samples, trend, &outcome);
    if !problems.is_empty() {
        bail!(
            "the sensor did not stay as it was:\n  {}",
            problems.join("\n  ")
        );
    }
    println!("nothing grew, nothing was lost, and every act is accounted for");
    Ok(())
}

/// The samples, one at the end of each round, and the number of acts.
fn run(bench: &Bench, sensor: &mut Sensor, length: Duration) -> Result<(Vec<Sample>, u64)> {
    let mut loads = load::ordinary(bench.directory())?;
    progress("soak: filling the sensor's tables");
    load::fork_exit().times(PROCESSES_BEFORE)?;
    for load in &mut loads {
        load.flat_out(OTHERS_BEFORE)?;
    }
    sensor.settle()?;
    let start = Instant::now();
    let (mut samples, mut acts) = (Vec::new(), 0);
    let mut told = start;
    while start.elapsed() < length {
        let round = Instant::now();
        for load in &mut loads {
            acts += load.times(share(load))?.acts;
        }
        let flooding = samples.len() % loads.len();
        acts += loads[flooding].flat_out(FLOOD)?.acts;
        while round.elapsed() < ROUND && start.elapsed() < length {
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(10));
        }
        let sample = Sample::of(sensor, start.elapsed())?;
        if told.elapsed() > Duration::from_mins(1) {
            told = Instant::now();
            progress(&format!(
                "soak: {:.0} of {:.0} min, {:.1} MiB, {} descriptors",
                start.elapsed().as_secs_f64() / 60.0,
                length.as_secs_f64() / 60.0,
                sample.resident_mib,
                sample.descriptors
            ));
        }
        samples.push(sample);
    }
    Ok((samples, acts))
}

/// How often a round has an act: programs and processes some tens of times, the rest some hundreds.
fn share(load: &Load) -> u64 {
    if load.kinds.iter().any(|kind| kind.starts_with("process.")) {
        40
    } else {
        400
    }
}

impl Sample {
    fn of(sensor: &Sensor, since: Duration) -> Result<Self> {
        let usage = sensor.usage()?;
        let holdings = sensor.holdings()?;
        Ok(Self {
            seconds: since.as_secs_f64(),
            resident_mib: usage.mebibytes(),
            processor_seconds: usage.processor.as_secs_f64(),
            descriptors: holdings.descriptors,
            threads: holdings.threads,
            map_bytes: holdings.map_bytes,
        })
    }
}

/// What grew, was lost, or does not add up, in words.
fn problems(samples: &[Sample], trend: Trend, outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    if let [first, .., last] = samples {
        for (what, before, after) in [
            (
                "descriptors",
                first.descriptors as u64,
                last.descriptors as u64,
            ),
            ("threads", first.threads as u64, last.threads as u64),
            ("bytes of kernel maps", first.map_bytes, last.map_bytes),
        ] {
            if after > before {
                problems.push(format!("{what}: {before} at first, {after} at the end"));
            }
        }
        let growth = trend.slope * (last.seconds - first.seconds);
        if growth > GROWTH_ALLOWED_MIB {
            problems.push(format!(
                "resident memory grew by {growth:.1} MiB; {GROWTH_ALLOWED_MIB} are allowed"
            ));
        }
    }
    if outcome.summary.lost > 0 {
        problems.push(format!(
            "{} records were lost: {}",
            outcome.summary.lost,
            outcome.loss_note()
        ));
    }
    for kind in outcome.torn() {
        problems.push(format!("it does not add up: {kind}"));
    }
    problems
}

/// Ten samples, evenly spaced, and the last.
fn table(samples: &[Sample]) -> String {
    let step = samples.len().div_ceil(10).max(1);
    let mut table = format!(
        "{:>8}  {:>10}  {:>11}  {:>7}  {:>11}  {:>10}",
        "seconds", "memory MiB", "descriptors", "threads", "maps KiB", "% of core"
    );
    let mut before: Option<&Sample> = None;
    for (index, sample) in samples.iter().enumerate() {
        if index % step != 0 && index + 1 != samples.len() {
            continue;
        }
        let (seconds, processor) = before.map_or((0.0, 0.0), |sample| {
            (sample.seconds, sample.processor_seconds)
        });
        let share = (sample.processor_seconds - processor) / (sample.seconds - seconds) * 100.0;
        let share = if before.is_some() {
            format!("{share:.1}")
        } else {
            String::from("-")
        };
        let _ = write!(
            table,
            "\n{:>8.0}  {:>10.1}  {:>11}  {:>7}  {:>11}  {share:>10}",
            sample.seconds,
            sample.resident_mib,
            sample.descriptors,
            sample.threads,
            sample.map_bytes / 1024
        );
        before = Some(sample);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Sample, problems, table};
    use crate::bench::{summary::Outcome, trend::Trend};

    fn sample(seconds: f64, resident_mib: f64, descriptors: usize) -> Sample {
        Sample {
            seconds,
            resident_mib,
            processor_seconds: seconds / 50.0,
            descriptors,
            threads: 3,
            map_bytes: 4096,
        }
    }

    fn outcome(accounting: &str, lost: u64) -> Outcome {
        let summary = format!(
            r#"{{"events":1,"accounting":{accounting},"lost":{lost},"verdicts":0,"scores":0,
            "decision_latency_us":[0,0,0],"inference_us":[0,0,0],"peak_rss_bytes":0,
            "programs":[]}}"#
        );
        Outcome {
            summary: serde_json::from_str(&summary).expect("a summary"),
            lost: [(String::from("bulk_ring"), lost)].into(),
        }
    }

    fn judge(samples: &[Sample], outcome: &Outcome) -> Vec<String> {
        let trend = Trend::of(
            samples
                .iter()
                .map(|sample| (sample.seconds, sample.resident_mib)),
        );
        problems(samples, trend, outcome)
    }

    const WHOLE: &str =
        r#"{"file.open":{"seen":9,"submitted":2,"counted":3,"excluded":4,"lost":0}}"#;

    #[test]
    fn a_level_is_no_growth() {
        let samples: Vec<Sample> = (1..=10)
            .map(|second| sample(f64::from(second), 50.0, 90))
            .collect();
        let told = judge(&samples, &outcome(WHOLE, 0));
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn whatever_grew_or_was_lost_is_told() {
        let samples: Vec<Sample> = (1..=10_u8)
            .map(|second| {
                let seconds = f64::from(second);
                sample(seconds, seconds * 3.0, 80 + usize::from(second))
            })
            .collect();
        let torn = r#"{"file.open":{"seen":9,"submitted":2,"counted":3,"excluded":0,"lost":1}}"#;
        let told = judge(&samples, &outcome(torn, 1));
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!(told[0], "descriptors: 81 at first, 90 at the end");
        assert!(
            told[1].starts_with("resident memory grew by 27.0 MiB"),
            "{told:?}"
        );
        assert!(told[2].contains("1 in bulk_ring"), "{told:?}");
        assert!(
            told[3].starts_with("it does not add up: file.open"),
            "{told:?}"
        );
    }

    #[test]
    fn the_table_has_eleven_lines_of_samples_at_most() {
        let samples: Vec<Sample> = (1..=95)
            .map(|second| sample(f64::from(second), 40.0, 90))
            .collect();
        let table = table(&samples);
        assert!(table.lines().count() <= 12, "{table}");
        assert!(
            table
                .lines()
                .last()
                .expect("a line")
                .trim_start()
                .starts_with("95"),
            "{table}"
        );
        assert!(table.contains("2.0"), "{table}");
    }
}
