//! `sensor replay`: the pipeline of a run, driven by a recording.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    Events,
    machine::Machine,
    pipeline::{Outlets, Pipeline},
    session::{export, writer},
};
use crate::{
    cli::{Failure, exit},
    model::Model,
    outputs::{WhenFull, mebibytes},
    policy::{Config, Mode, ModelChoice},
    recording::{Ending, Recording},
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
    let model = match &config.model {
        ModelChoice::Use(source) => Some(Model::load(source).map_err(Failure::usage)?),
        ModelChoice::None => None,
    };
    let mut recording = Recording::open(&arguments.file).map_err(|error| of(arguments, error))?;
    recording
        .about()
        .require_readable()
        .map_err(|error| of(arguments, error))?;
    let outlets = Outlets {
        model,
        writer: writer(arguments.output.as_deref(), &config, WhenFull::Wait)?,
        export: export(arguments.export_features.as_deref(), WhenFull::Wait)?,
        events: arguments.events,
    };
    let machine = Machine::recorded(recording.about(), recording.answers());
    let mut pipeline = Pipeline::new(&config, machine, outlets);
    let mut progress = Progress::new(&arguments.file, arguments.quiet);
    while let Some(input) = recording
        .next_input()
        .map_err(|error| of(arguments, error))?
    {
        pipeline.take(input);
        pipeline.take_in_rest();
        print_verdicts(&mut pipeline);
        if recording.inputs() % GLANCE == 0 {
            progress.show(&recording);
        }
    }
    pipeline.settle();
    print_verdicts(&mut pipeline);
    progress.clear();
    let replayed = pipeline.finish_replay();
    if !arguments.quiet {
        eprint!("{}", replayed.render(progress.start.elapsed(), &recording));
    }
    complete(arguments, &recording)
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
        Some(Ending::Whole(_)) => Ok(()),
        Some(Ending::Cut { frames, offset }) => Err(Failure {
            code: exit::CUT,
            error: anyhow::anyhow!(
                "{file} was cut: what its {frames} whole frames hold, up to offset {offset}, was \
                 replayed"
            ),
        }),
        None => Err(Failure::failed(anyhow::anyhow!("{file} has no end"))),
    }
}

fn of(arguments: &Arguments, error: impl Into<anyhow::Error>) -> Failure {
    Failure::failed(error.into().context(arguments.file.display().to_string()))
}

fn print_verdicts(pipeline: &mut Pipeline) {
    if !pipeline.has_verdict_lines() {
        return;
    }
    let to_stdout = !pipeline.writes_records();
    for line in pipeline.take_verdict_lines() {
        if to_stdout {
            println!("{line}");
        }
    }
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
