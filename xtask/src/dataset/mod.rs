//! `cargo xtask dataset`: runs the cases of `models/cases` under the sensor and
//! writes the rows that it scored, labelled.

mod case;
mod cgroup;
mod chance;
mod rows;
mod run;
mod sensor;
mod variant;

use std::{
    collections::{BTreeSet, HashMap},
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
use rows::Origin;
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
    /// Folder for the table `rows.csv.xz`; the default is `dataset` in the target folder
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
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "recording loads programs into the kernel and runs cases in namespaces, which needs root"
    );
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

    let scratch = Path::new(SCRATCH).join(format!("sensor-dataset-{}", process::id()));
    fs::create_dir(&scratch).with_context(|| format!("create {}", scratch.display()))?;
    let all =
        Group::create(cgroup::mount_point()?.join(format!("sensor-dataset-{}", process::id())))?;
    let room = Room {
        runner: models.join("runner"),
        groups: all.path().to_owned(),
        scratch,
    };
    let recorded = output.join("recorded.jsonl");
    let recorder = Sensor::start(&program, &recorded)?;
    let done = run_all(&room, &cases, arguments);
    recorder.stop()?;
    drop(all);
    fs::remove_dir_all(&room.scratch)?;

    let table = output.join("rows.csv");
    let totals = rows::write_table(&recorded, &done.origins, &table)
        .with_context(|| format!("read {}", recorded.display()))?;
    rows::compress(&table)?;
    println!(
        "{} runs, {} of them failed and left out; {} rows seen, {} of cases, {} written to {}.xz",
        done.origins.len() + done.failed,
        done.failed,
        totals.seen,
        totals.attributed,
        totals.written,
        table.display()
    );
    ensure!(
        done.failed * 10 <= done.origins.len(),
        "more than a tenth of the runs failed; what they said is above"
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

/// Groups of the runs that succeeded, and how many did not.
#[derive(Default)]
struct Done<'a> {
    origins: HashMap<u64, Origin<'a>>,
    failed: usize,
}

fn run_all<'a>(room: &Room, cases: &'a [Case], arguments: &Arguments) -> Done<'a> {
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
                            done.origins.insert(
                                group,
                                Origin {
                                    case,
                                    variant: number,
                                },
                            );
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
