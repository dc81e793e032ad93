//! `cargo xtask dataset`: runs the cases of `models/cases` under a recording
//! sensor, and makes a table of labelled rows of recordings.

mod case;
mod cgroup;
mod chance;
mod host;
mod origin;
mod rows;
mod run;
mod sensor;
mod variant;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::{build, debian, workspace};
use case::{Case, Label};
use cgroup::Group;
use origin::{Origin, Origins};
use run::Room;
use sensor::Sensor;
use variant::{LAUNCHER_PACKAGES, Variant};

/// Private layers over the system's folders lie here: on disk, and in none of
/// the folders that are layered.
const SCRATCH: &str = "/var/tmp";

/// Record a labelled data set with the sensor on this machine; needs root
///
/// Every case of `models/cases` is run several times, each time with other names, sizes, parents
/// and streams, in a control group of its own and confined: private layers over the system's
/// folders, everything else read-only, and a network of loopback alone. The Debian packages that
/// the cases need are installed on the host. Use a machine that you can do without all the same:
/// cases run as root, and confinement guards against mistakes, not against malice.
#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask dataset --repeats 8 && cargo xtask train --data target/dataset/rows.csv.xz")]
pub(crate) struct Arguments {
    /// Folder for the recording, what its control groups stand for, and the table
    /// `rows.csv.xz`; the default is `dataset` in the target folder
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Folder of the cases; the default is `models/cases`
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Runs of each case
    #[arg(long, default_value_t = 6)]
    repeats: usize,
    /// Where the random choices start
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cases that run at the same time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Only cases with this in their name
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// The sensor to record with; without it, one is built
    #[arg(long, value_name = "FILE")]
    sensor: Option<PathBuf>,
    /// Instead of cases, run this shell command on the host as it is, as ordinary work; may be
    /// repeated
    #[arg(long, value_name = "NAME=COMMAND", value_parser = host::Work::parse)]
    host: Vec<host::Work>,
    /// Run nothing: make one table of these recordings, folders that earlier runs wrote
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with_all = ["host", "cases", "only"])]
    from: Vec<PathBuf>,
}

/// What a folder of a recording holds.
const RECORDING: &str = "acts.recording";
const RUNS: &str = "runs.json";

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let target = workspace::target_directory()?;
    let program = if let Some(program) = &arguments.sensor {
        program.clone()
    } else {
        build::build_agent(true)?;
        target.join("release/sensor")
    };
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| target.join("dataset"));
    fs::create_dir_all(&output).with_context(|| format!("create {}", output.display()))?;
    if arguments.from.is_empty() {
        record(arguments, &program, &output)?;
        make_table(&program, std::slice::from_ref(&output), &output)
    } else {
        make_table(&program, &arguments.from, &output)
    }
}

/// Runs cases, or the host's work, under a recording sensor.
fn record(arguments: &Arguments, program: &Path, output: &Path) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "recording loads programs into the kernel and runs cases in namespaces, which needs root"
    );
    let all =
        Group::create(cgroup::mount_point()?.join(format!("sensor-dataset-{}", process::id())))?;
    let recording = output.join(RECORDING);
    if !arguments.host.is_empty() {
        let recorder = Sensor::start(program, &recording)?;
        let origins = host::run_all(&arguments.host, all.path(), arguments.seed)?;
        recorder.stop()?;
        return origin::write(&origins, &output.join(RUNS));
    }
    let models = workspace::root()?.join("models");
    let folder = arguments
        .cases
        .clone()
        .unwrap_or_else(|| models.join("cases"));
    let mut cases = case::read_all(&folder)?;
    cases.retain(|case| case.id.contains(&arguments.only));
    ensure!(
        !cases.is_empty(),
        "no case has {:?} in its name",
        arguments.only
    );
    install_packages(&cases)?;
    let scratch = Path::new(SCRATCH).join(format!("sensor-dataset-{}", process::id()));
    fs::create_dir(&scratch).with_context(|| format!("create {}", scratch.display()))?;
    let room = Room {
        runner: models.join("runner"),
        groups: all.path().to_owned(),
        scratch,
    };
    let recorder = Sensor::start(program, &recording)?;
    let done = run_all(&room, &cases, arguments);
    recorder.stop()?;
    fs::remove_dir_all(&room.scratch)?;
    origin::write(&done.origins, &output.join(RUNS))?;
    println!(
        "{} runs, {} of them failed and left out",
        done.origins.len() + done.failed,
        done.failed
    );
    ensure!(
        done.failed * 10 <= done.origins.len(),
        "more than a tenth of the runs failed; what they said is above"
    );
    Ok(())
}

/// Makes rows of recordings, and one table of their rows.
fn make_table(program: &Path, folders: &[PathBuf], output: &Path) -> Result<()> {
    let table = output.join("rows.csv");
    let mut writer = rows::Table::create(&table)?;
    for folder in folders {
        let origins = origin::read(&folder.join(RUNS))?;
        let exported = output.join("rows.jsonl");
        sensor::extract(program, &folder.join(RECORDING), &exported)?;
        writer
            .take_in(&exported, &origins)
            .with_context(|| format!("read {}", exported.display()))?;
        fs::remove_file(&exported)?;
    }
    let totals = writer.finish()?;
    rows::compress(&table)?;
    println!(
        "{} rows seen, {} of cases, {} written to {}.xz",
        totals.seen,
        totals.attributed,
        totals.written,
        table.display()
    );
    Ok(())
}

fn install_packages(cases: &[Case]) -> Result<()> {
    let needed: BTreeSet<_> = cases
        .iter()
        .flat_map(|case| case.packages.iter().cloned())
        .chain(LAUNCHER_PACKAGES.iter().map(|&name| name.to_owned()))
        .collect();
    let needed: Vec<_> = needed.into_iter().collect();
    if !debian::is_here() {
        bail!(
            "this system has no apt-get; the cases need {}",
            needed.join(", ")
        );
    }
    let missing = debian::missing(&needed)?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("==> Debian packages {}", missing.join(", "));
    debian::update()?;
    debian::install(&missing)
}

/// Where the numbers of a recording's runs begin, so that those of recordings with
/// other seeds are others.
const fn first_variant(seed: u64) -> u64 {
    seed.wrapping_mul(1_000)
}

/// Groups of the runs that succeeded, and how many did not.
#[derive(Default)]
struct Done {
    origins: Origins,
    failed: usize,
}

fn run_all(room: &Room, cases: &[Case], arguments: &Arguments) -> Done {
    // Repeats outside, so that attacks and ordinary work are spread alike over the recording.
    let mut plan: Vec<(&Case, usize)> = Vec::new();
    for number in 0..arguments.repeats {
        plan.extend(
            cases
                .iter()
                .filter(|case| number < case.at_most)
                .map(|case| (case, number)),
        );
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Done::default());
    thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((case, number)) = plan.get(index).copied() else {
                        return;
                    };
                    let variant = Variant::draw(case, arguments.seed, number);
                    let name = format!("{index}");
                    let ran = run::run(room, case, &variant, &name);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    let word = match ran.and_then(|ran| ran.outcome.map(|()| ran.group)) {
                        Ok(group) => {
                            let variant = first_variant(arguments.seed) + number as u64;
                            done.origins.insert(group, Origin::of(case, variant));
                            String::from("ok")
                        }
                        Err(error) => {
                            done.failed += 1;
                            format!("FAILED: {error:#}")
                        }
                    };
                    let side = if case.label == Label::Attack {
                        '!'
                    } else {
                        ' '
                    };
                    println!(
                        "[{}/{}] {side} {} {number}: {word}",
                        index + 1,
                        plan.len(),
                        case.id
                    );
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
