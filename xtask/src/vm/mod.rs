//! `cargo xtask vm`: the tests on the kernels that the sensor supports, each in a machine of its
//! own, emulated. A machine has a kernel, a first file system made here, and a serial line.

mod accepted;
mod alarm;
mod apt;
mod archive;
mod budget;
mod console;
mod initramfs;
mod kernel;
mod kernels;
mod libraries;
mod machine;
mod matrix;
pub(crate) mod measure;
mod package;
mod plan;
mod programs;
mod qemu;
mod run;
mod sources;
mod summary;
mod tools;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

pub(crate) use self::machine::{Series, Tier};
use self::{
    accepted::Accepted,
    archive::Archive,
    budget::Budget,
    initramfs::Contents,
    kernel::Kernel,
    machine::Boot,
    plan::Plan,
    qemu::Clock,
    run::Rack,
    tools::{Readiness, Tools},
};
use crate::{
    setup::{self, Consent},
    steps::Totals,
    workspace,
};

/// Run the tests on every supported kernel, in emulated machines
///
/// The kernels are downloaded from Debian's archive and kept; nothing of them is installed.
#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask vm --kernel 6.1 --tier lsm --test file.open
  cargo xtask vm --kernel 5.10 --tier tracepoint --target file --target process")]
pub(crate) struct Arguments {
    /// Boot only machines with this kernel; can be given several times
    #[arg(long = "kernel", value_name = "KERNEL", value_enum)]
    kernels: Vec<Series>,
    /// Run only this tier; can be given several times
    #[arg(long = "tier", value_name = "TIER", value_enum)]
    tiers: Vec<Tier>,
    /// Run only the tests that have this in their name
    #[arg(long, value_name = "NAME")]
    test: Option<String>,
    /// Test target of `sensor-tests` to run; can be given several times
    #[arg(long = "target", value_name = "TARGET", default_values = TARGETS)]
    targets: Vec<String>,
    /// Print what the verifier needed for each program, and compare with tests/verifier.json
    #[arg(long)]
    verifier: bool,
    /// Keep what is seen, and what the verifier needed, as the measure for later runs; with all
    /// machines, tiers and tests only
    #[arg(long, conflicts_with_all = ["kernels", "tiers", "test"])]
    accept: bool,
    /// File of this machine that the guests have at the same path; can be given several times
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Switch a machine off after so many minutes
    #[arg(long, value_name = "MINUTES", default_value_t = LIMIT_MINUTES)]
    limit: u64,
    /// Run so many machines at once; as many as there are processors if not given
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<usize>,
    #[command(flatten)]
    consent: Consent,
}

/// What is run if nothing else is asked for.
const TARGETS: [&str; 1] = ["acts"];
/// A machine that works is through in a fraction of this, even beside others.
const LIMIT_MINUTES: u64 = 15;

/// A test waits up to two minutes for a record before it gives up and says so.
const SILENCE: Duration = Duration::from_mins(3);

/// How a run went that did not fail.
pub(crate) enum Outcome {
    /// The tests of all machines.
    Ran(Totals),
    /// Why nothing could be booted here.
    Skipped(String),
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    match execute(arguments)? {
        Outcome::Ran(totals) => println!("\nin all: {totals}"),
        Outcome::Skipped(reason) => println!("no machine was booted: {reason}"),
    }
    Ok(())
}

/// Boots every machine with every tier, as a step of `cargo xtask test`.
pub(crate) fn whole_matrix(consent: Consent) -> Result<Outcome> {
    execute(&Arguments {
        kernels: Vec::new(),
        tiers: Vec::new(),
        test: None,
        targets: TARGETS.map(str::to_owned).to_vec(),
        verifier: true,
        accept: false,
        files: Vec::new(),
        limit: LIMIT_MINUTES,
        jobs: None,
        consent,
    })
}

fn execute(arguments: &Arguments) -> Result<Outcome> {
    let boots = machine::chosen(&arguments.kernels, &arguments.tiers);
    ensure!(
        !boots.is_empty(),
        "no machine has both that kernel and that tier"
    );
    let tools = match tools::ensure(arguments.consent)? {
        Readiness::Ready(tools) => tools,
        Readiness::Skip(reason) => return Ok(Outcome::Skipped(reason)),
    };
    setup::ensure_ready(arguments.consent)?;

    let folder = workspace::target_directory()?.join("vm");
    let _lock = lock(&folder)?;
    let kernels = match kernels_of(&boots, &folder) {
        Ok(kernels) => kernels,
        Err(error) if arguments.consent.is_given() => return Err(error),
        // Not Debian, or no network: nothing that the work on the sensor should stop for.
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let machines = with_kernels(boots, &kernels);
    let initramfs = prepare(arguments, &tools, kernels.values().collect(), &folder)?;

    let logs = folder.join("logs");
    run::clear(&logs)?;
    let rack = Rack {
        qemu: &tools.qemu,
        initramfs: &initramfs,
        logs: &logs,
        clock: Clock::Host,
        limit: Duration::from_mins(arguments.limit),
        patience: SILENCE,
    };
    let finished = rack.run(&machines, arguments.jobs.unwrap_or_else(processors))?;
    summary::write(&finished, &folder)?;
    summary::print(&finished);
    let failed: Vec<_> = finished
        .iter()
        .filter(|machine| !machine.findings.problems.is_empty())
        .map(|machine| machine.boot.machine.name)
        .collect();
    ensure!(
        failed.is_empty(),
        "{} of {} machines failed: {}",
        failed.len(),
        finished.len(),
        failed.join(", ")
    );
    let totals = summary::totals(&finished);
    ensure!(
        arguments.verifier || totals.passed + totals.failed > 0,
        "no test was run: none has `{}` in its name",
        arguments.test.as_deref().unwrap_or_default()
    );
    let whole = arguments.kernels.is_empty()
        && arguments.tiers.is_empty()
        && arguments.test.is_none()
        && arguments.targets == TARGETS;
    let budget = Budget::of(&finished)?;
    if arguments.verifier && !budget.is_empty() {
        println!("\n{}", budget.table());
    }
    if arguments.accept {
        Accepted::of(&summary::cells(&finished))?.write()?;
        budget.write()?;
        println!("now run `cargo xtask docs`");
    } else {
        if whole {
            Accepted::of(&summary::cells(&finished))?.check()?;
        }
        budget.check()?;
    }
    Ok(Outcome::Ran(totals))
}

/// The processors of this machine.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The kernels of these machines, from the cache below the folder.
fn kernels_of(boots: &[Boot], folder: &Path) -> Result<BTreeMap<Series, Kernel>> {
    let wanted: Vec<_> = boots.iter().map(|boot| boot.machine.series).collect();
    kernels::obtain(&wanted, &folder.join("kernels"))
}

/// Each machine with its kernel, if there is one.
fn with_kernels(boots: Vec<Boot>, kernels: &BTreeMap<Series, Kernel>) -> Vec<(Boot, Kernel)> {
    boots
        .into_iter()
        .filter_map(|boot| {
            let kernel = kernels.get(&boot.machine.series)?.clone();
            Some((boot, kernel))
        })
        .collect()
}

/// Two runs at once would overwrite each other's files, and starve each other's machines.
fn lock(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    if lock.try_lock().is_err() {
        println!("waiting for another `cargo xtask vm` to end");
        lock.lock()
            .with_context(|| format!("lock {}", path.display()))?;
    }
    Ok(lock)
}

/// Builds what the guests run, and writes the archive that they start from.
fn prepare(
    arguments: &Arguments,
    tools: &Tools,
    kernels: Vec<&Kernel>,
    folder: &Path,
) -> Result<PathBuf> {
    let programs = programs::build(&arguments.targets)?.placed();
    let plan = Plan {
        targets: arguments.targets.clone(),
        filter: arguments.test.clone(),
        verifier: arguments.verifier || arguments.accept,
        bench: None,
    };
    let contents = Contents {
        tools,
        programs: &programs,
        plan: &plan,
        kernels,
        files: &arguments.files,
    };
    let archive = contents.archive(&folder.join("programs"))?;
    let path = folder.join("initramfs.cpio");
    write(&archive, &path)?;
    Ok(path)
}

/// Writes it as a file.
fn write(archive: &Archive, path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let mut output = BufWriter::new(file);
    archive.write(&mut output)?;
    output
        .flush()
        .with_context(|| format!("write {}", path.display()))
}
