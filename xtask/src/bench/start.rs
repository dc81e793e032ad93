//! From the start of the sensor's process to the first act that it captures.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Bench,
    figure::Figure,
    interrupt, progress,
    sensor::{Events, Sensor},
    small_program,
};

const GROUP: &str = "start";
/// Between two marks.
const STEP: Duration = Duration::from_millis(1);
/// Marks for one of which a program is run, too: running it takes a good part of a step.
const MARKS_A_PROGRAM: u32 = 4;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let repetitions = if bench.quick { 3 } else { 10 };
    let mut runs = Vec::new();
    for repetition in 1..=repetitions {
        progress(&format!("start: {repetition} of {repetitions}"));
        runs.push(run(bench)?);
    }
    let figure = |name: &str, of: fn(&Run) -> f64| {
        let samples: Vec<f64> = runs.iter().map(of).collect();
        Figure::new(GROUP, name, "ms", &samples)
    };
    Ok(vec![
        figure("to the first open captured", |run| run.opened),
        figure("to the first program captured", |run| run.executed),
        figure("to the main loop", |run| run.watching).note("seen from outside, every 5 ms"),
        figure("processor time until then", |run| run.processor),
    ])
}

/// Milliseconds since just before the sensor was started.
struct Run {
    opened: f64,
    executed: f64,
    watching: f64,
    processor: f64,
}

fn run(bench: &Bench) -> Result<Run> {
    let marks = Marks::start(bench.directory())?;
    let (date, start) = (Timestamp::now(), Instant::now());
    let mut sensor = Sensor::launch(bench, Events::All)?;
    sensor.watch()?;
    let watching = start.elapsed();
    let processor = sensor.usage()?.processor;
    let names = marks.stop()?;
    sensor.settle()?;
    let output = sensor.output().to_owned();
    sensor.stop()?;
    let after = |kind, path| -> Result<f64> {
        let first = first(&output, kind, path)?;
        Ok(first.duration_since(date).as_secs_f64() * 1e3)
    };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Run {
        opened: after("file.open", &names.file)?,
        executed: after("process.exec", &names.program)?,
        watching: milliseconds(watching),
        processor: milliseconds(processor),
    })
}

/// What is opened and run.
#[derive(Clone)]
struct Names {
    file: PathBuf,
    program: PathBuf,
}

/// Recognisable acts, one a millisecond, until this is stopped or dropped.
struct Marks {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
    names: Names,
}

impl Marks {
    fn start(directory: &Path) -> Result<Self> {
        let names = Names {
            file: directory.join("mark"),
            program: small_program::write(directory)?,
        };
        let over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (over, names) = (Arc::clone(&over), names.clone());
            move || {
                let mut number = 0;
                loop {
                    // One more after it is over: it is surely captured.
                    let last = over.load(Ordering::Relaxed);
                    interrupt::check()?;
                    names.perform(last || number % MARKS_A_PROGRAM == 0)?;
                    if last {
                        return Ok(());
                    }
                    number += 1;
                    thread::sleep(STEP);
                }
            }
        });
        Ok(Self {
            over,
            thread: Some(thread),
            names,
        })
    }

    /// Ends with one more of each.
    fn stop(mut self) -> Result<Names> {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("the thread that sets marks panicked"))??;
        }
        Ok(self.names.clone())
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Names {
    fn perform(&self, program: bool) -> Result<()> {
        fs::write(&self.file, b"").with_context(|| format!("write {}", self.file.display()))?;
        if program {
            let status = Command::new(&self.program).status();
            let status = status.with_context(|| format!("start {}", self.program.display()))?;
            ensure!(status.success(), "{}: {status}", self.program.display());
        }
        Ok(())
    }
}

/// When the kernel saw the first act of this kind on this path.
fn first(output: &Path, kind: &str, path: &Path) -> Result<Timestamp> {
    let file = File::open(output).with_context(|| format!("open {}", output.display()))?;
    first_in(BufReader::new(file), kind, path)
        .with_context(|| format!("look for marks in {}", output.display()))
}

fn first_in(lines: impl BufRead, kind: &str, path: &Path) -> Result<Timestamp> {
    #[derive(Deserialize)]
    struct Line {
        kind: String,
        time: String,
        file: Option<FilePart>,
        process: Option<ProcessPart>,
    }
    #[derive(Deserialize)]
    struct FilePart {
        path: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct ProcessPart {
        exe: Option<PathBuf>,
    }
    let mark = format!("\"kind\":\"{kind}\"");
    let mut first: Option<Timestamp> = None;
    for line in lines.lines() {
        let line = line?;
        if !line.contains(&mark) {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).with_context(|| format!("read the line {line}"))?;
        let of = match (line.file.and_then(|file| file.path), line.process) {
            (Some(path), _) => Some(path),
            (None, process) => process.and_then(|process| process.exe),
        };
        if line.kind == kind && of.as_deref() == Some(path) {
            let time: Timestamp = line.time.parse().context("read the time of a record")?;
            first = Some(first.map_or(time, |first| first.min(time)));
        }
    }
    first.with_context(|| format!("no `{kind}` of {} was captured", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Marks, first_in};

    const OUTPUT: &str = r#"{"kind":"process.exec","time":"2026-11-23T01:00:00.5Z","process":{"exe":"/t/small"}}
{"kind":"file.open","time":"2026-11-23T01:00:00.2Z","file":{"path":"/t/other"},"process":{"exe":"/t/mark"}}
{"kind":"file.open","time":"2026-11-23T01:00:00.4Z","file":{"path":"/t/mark"}}
{"kind":"file.open","time":"2026-11-23T01:00:00.3Z","file":{"path":"/t/mark"}}
"#;

    #[test]
    fn the_first_is_the_earliest_of_its_kind_and_path() {
        let first = |kind, path| first_in(OUTPUT.as_bytes(), kind, Path::new(path));
        let open = first("file.open", "/t/mark").expect("found");
        assert_eq!(open.to_string(), "2026-11-23T01:00:00.3Z");
        let exec = first("process.exec", "/t/small").expect("found");
        assert_eq!(exec.to_string(), "2026-11-23T01:00:00.5Z");
        let error = first("file.open", "/t/nothing").expect_err("absent");
        assert!(error.to_string().contains("/t/nothing"), "{error}");
    }

    #[test]
    fn marks_are_set_to_the_end() {
        let directory = tempfile::tempdir().expect("a folder");
        let marks = Marks::start(directory.path()).expect("started");
        let names = marks.stop().expect("stopped");
        assert!(names.file.exists());
    }
}
