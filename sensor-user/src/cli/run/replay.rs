//! `sensor replay`: the pipeline of a run, driven by a recording.

use std::{
    io::{IsTerminal, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Events,
    machine::Machine,
    pipeline::{Outlets, Pipeline},
    scoring::Scoring,
    session::{export, writer},
};
use crate::{
    cli::{Failure, admission::Gate, exit},
    outputs::{WhenFull, mebibytes},
    policy::{Config, Mode, ModelChoice},
    recording::{Ending, Recording, RecordingError},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The recording
    file: PathBuf,
    /// Policy file (TOML): its model and thresholds are used
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// ONNX file, `shipped` for the model inside the sensor, or `none` to score nothing
    #[arg(long, value_name = "FILE|shipped|none")]
    model: Option<String>,
    /// Write the model's input rows, as `sensor run` does
    #[arg(long, value_name = "FILE")]
    export_features: Option<PathBuf>,
    /// Which records to write
    #[arg(long, default_value = "verdicts")]
    events: Events,
    /// Write records as JSON lines to this file (appended to), or to standard
    /// output for `-`; without it verdicts are printed for people
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
    /// No progress or summary on standard error
    #[arg(long)]
    quiet: bool,
}

/// Inputs between two looks at the clock.
const GLANCE: u64 = 65_536;
/// Between two lines of progress.
const INTERVAL: Duration = Duration::from_secs(1);

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path).map_err(Failure::usage)?,
        None => Config::default(),
    };
    if let Some(model) = arguments.model.as_deref() {
        config.model = model.into();
    }
    // What was recorded is over: there is nobody to be killed.
    config.mode = Mode::Observe;
    let scoring = match &config.model {
        ModelChoice::Use(source) => {
            // Its version is not remembered: nothing follows from these scores.
            let admitted = Gate::new(&config).admit(source).map_err(Failure::usage)?;
            Some(Scoring::new(admitted, &config, None))
        }
        ModelChoice::None => None,
    };
    let mut recording = Recording::open(&arguments.file).map_err(|error| of(arguments, error))?;
    recording
        .about()
        .require_readable()
        .map_err(|error| of(arguments, error))?;
    let outlets = Outlets {
        scoring,
        writer: writer(arguments.output.as_deref(), &config, WhenFull::Wait)?,
        export: export(arguments.export_features.as_deref(), WhenFull::Wait)?,
        events: arguments.events,
    };
    let machine = Machine::recorded(recording.about(), recording.answers());
    let mut pipeline = Pipeline::new(&config, machine, outlets);
    let mut progress = Progress::new(&arguments.file, arguments.quiet);
    drive(&mut recording, &mut pipeline, |recording, pipeline| {
        if recording.inputs() % GLANCE == 0 {
            progress.show(recording);
        }
        print_verdicts(pipeline) && !pipeline.output_closed()
    })
    .map_err(|error| of(arguments, error))?;
    progress.clear();
    let replayed = pipeline.finish_replay();
    if !arguments.quiet {
        eprint!("{}", replayed.render(progress.start.elapsed(), &recording));
    }
    complete(arguments, &recording)
}

/// Hands every input to the pipeline, and goes on while `each` says so.
fn drive(
    recording: &mut Recording,
    pipeline: &mut Pipeline,
    mut each: impl FnMut(&Recording, &mut Pipeline) -> bool,
) -> Result<(), RecordingError> {
    while let Some(input) = recording.next_input()? {
        pipeline.take(input);
        pipeline.take_in_rest();
        if !each(recording, pipeline) {
            return Ok(());
        }
    }
    pipeline.settle();
    each(recording, pipeline);
    Ok(())
}

/// What is to be said of a recording that is not whole.
fn complete(arguments: &Arguments, recording: &Recording) -> Result<(), Failure> {
    let file = arguments.file.display();
    let lost = recording.lost();
    if lost > 0 {
        eprintln!(
            "sensor: {file} is not all that was taken in: {lost} inputs found no room when it was \
             recorded"
        );
    }
    let missing = recording.answers().missing();
    if missing > 0 {
        eprintln!(
            "sensor: {missing} questions to the machine have no answer in {file}: the sensor that \
             recorded it did not ask them"
        );
    }
    match recording.ending() {
        // Without an end nobody read the output any more.
        Some(Ending::Whole(_)) | None => Ok(()),
        Some(Ending::Cut { frames, offset }) => Err(Failure {
            code: exit::CUT,
            error: anyhow::anyhow!(
                "{file} was cut: what its {frames} whole frames hold, up to offset {offset}, was \
                 replayed"
            ),
        }),
    }
}

fn of(arguments: &Arguments, error: impl Into<anyhow::Error>) -> Failure {
    Failure::failed(error.into().context(arguments.file.display().to_string()))
}

/// Prints verdicts for people, unless records are written. False when nobody reads
/// them any more.
fn print_verdicts(pipeline: &mut Pipeline) -> bool {
    if !pipeline.has_verdict_lines() {
        return true;
    }
    let to_stdout = !pipeline.writes_records();
    let mut stdout = std::io::stdout().lock();
    pipeline
        .take_verdict_lines()
        .iter()
        .all(|line| !to_stdout || writeln!(stdout, "{line}").is_ok())
}

/// A line on a terminal that says how far the replay is.
struct Progress {
    start: Instant,
    last: Instant,
    /// Bytes of the file; `None` where nothing is to be shown.
    bytes: Option<u64>,
    shown: bool,
}

impl Progress {
    fn new(path: &Path, quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        let bytes = || std::fs::metadata(path).ok().map(|found| found.len());
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            bytes: wanted.then(bytes).flatten(),
            shown: false,
        }
    }

    fn show(&mut self, recording: &Recording) {
        let Some(bytes) = self.bytes else { return };
        if self.last.elapsed() < INTERVAL {
            return;
        }
        self.last = Instant::now();
        self.shown = true;
        let rate = recording.inputs() as f64 / self.start.elapsed().as_secs_f64();
        eprint!(
            "\r\x1b[2K{} of {}   {} inputs   {rate:.0}/s",
            mebibytes(recording.offset()),
            mebibytes(bytes),
            recording.inputs()
        );
    }

    fn clear(&mut self) {
        if self.shown {
            eprint!("\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::{RecordHeader, RecordKind};

    use super::*;
    use crate::{
        capture::{
            BootTime,
            test_support::{bytes, header},
        },
        event::Unrecorded,
        features::FEATURES,
        outputs::FeatureExport,
        recording::{
            About, Answer, Input,
            test_support::{about, inputs, items, items_with},
        },
        state::test_support::process_id,
    };

    /// Takes in what a frame holds, as far as that can be read.
    fn take_in(about: About, items: Vec<u8>) -> Pipeline {
        take_in_to(Path::new("/dev/null"), about, items)
    }

    /// The same, with rows in a file.
    fn take_in_to(rows: &Path, about: About, items: Vec<u8>) -> Pipeline {
        let mut recording = Recording::of_frames(about, vec![items]);
        let machine = Machine::recorded(recording.about(), recording.answers());
        let outlets = Outlets {
            export: Some(FeatureExport::open(rows, WhenFull::Drop).unwrap()),
            ..Outlets::default()
        };
        let mut pipeline = Pipeline::new(&Config::default(), machine, outlets);
        let _ = drive(&mut recording, &mut pipeline, |_, _| true);
        pipeline
    }

    /// Inputs of all sorts, and records of all kinds.
    fn everything() -> Vec<u8> {
        let records: Vec<Vec<u8>> = RecordKind::ALL
            .iter()
            .map(|kind| bytes(header(kind.tag(), 0), &[0; 128], b""))
            .collect();
        let records = records.iter().map(|record| Input::Record(record));
        items(inputs().into_iter().chain(records))
    }

    #[test]
    fn every_record_is_counted_and_the_time_is_that_of_the_recording() {
        let mut pipeline = take_in(about(), everything());
        let replayed = pipeline.finish_replay();
        let summary = &replayed.summary;
        // And notices of processes that nobody knows are not.
        assert_eq!(summary.events, RecordKind::COUNT as u64);
        assert!(replayed.rows > 0);
        assert!(summary.seconds > 1e9, "the clock of the recording says so");
        assert_eq!(summary.accounting["cgroup.create"].seen, 1_000);
        let lost = 3 + 4 + 1 + 2;
        assert_eq!(summary.lost, lost, "programs, notices, ring, torn records");
    }

    #[test]
    fn numbers_that_nobody_asks_for_are_taken_in_all_the_same() {
        let of = |tgid: u32, kind: RecordKind| {
            let header = RecordHeader {
                tgid,
                ..header(kind.tag(), 0)
            };
            bytes(header, &[0; 128], b"")
        };
        let [first, second, act] = [
            of(8, RecordKind::ProcessExec),
            of(7, RecordKind::ProcessExec),
            of(8, RecordKind::NetworkBind),
        ];
        let told = Unrecorded {
            process: process_id(8, 900),
            kind: RecordKind::FileUnlink,
            count: 5,
            since: BootTime(900),
            until: BootTime(950),
        };
        let items = items_with([
            (Input::Record(&first), Vec::new()),
            // This one is looked at, and asks for its own numbers.
            (Input::Record(&second), vec![Answer::Unrecorded(told)]),
            (Input::Record(&act), Vec::new()),
        ]);
        let rows = tempfile::NamedTempFile::new().unwrap();
        take_in_to(rows.path(), about(), items).finish_replay();
        let text = std::fs::read_to_string(rows.path()).unwrap();
        let row: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(row["pid"], 8, "{row}");
        let unlinks = FEATURES
            .iter()
            .position(|feature| feature.name == "own.unlinks");
        let shown: f32 = serde_json::from_value(row["row"][unlinks.unwrap()].clone()).unwrap();
        assert_eq!(shown.to_bits(), 5.0_f32.ln_1p().to_bits());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn no_recording_makes_the_pipeline_panic(
            changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..40),
            numbers: (u64, i64, u64, usize),
        ) {
            let mut items = everything();
            for (at, value) in changes {
                let at = usize::from(at) % items.len();
                items[at] = value;
            }
            let (started, clock_ahead, tick, processes) = numbers;
            let about = About { started, clock_ahead, tick, processes, ..about() };
            take_in(about, items).finish_replay();
        }
    }
}
