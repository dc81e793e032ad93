//! Boots machines whose clock counts instructions, to measure in them: one for each kernel and tier.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Series, Tier,
    initramfs::Contents,
    machine::{self, Boot},
    plan::Plan,
    qemu::Clock,
    run::{self, Rack},
    tools::{self, Readiness},
};
use crate::{setup::Consent, workspace};

/// Each machine is through in a tenth of this on a host that has nothing else to do. That it may be
/// measured beside others, who are slow with it, is what its clock is for.
const LIMIT: Duration = Duration::from_hours(2);
/// The longest that it has nothing to say is the start of a sensor: half a minute on such a host.
const SILENCE: Duration = Duration::from_mins(20);
/// Where the guest has what is measured.
const SENSOR: &str = "/opt/sensor/release/sensor";
const BENCH: &str = "/opt/sensor/release/xtask";

/// What is measured, and where.
pub(crate) struct Request<'a> {
    /// Kernels of the machines; every one if there is none.
    pub(crate) kernels: &'a [Series],
    /// Tiers, of those that each machine has; every one if there is none.
    pub(crate) tiers: &'a [Tier],
    /// The sensor of the host that is put into the guests.
    pub(crate) sensor: PathBuf,
    /// Words of the command line by which this program, put into the guests too, measures there.
    /// `--sensor`, `--tier` and `--output` are added, each with a value.
    pub(crate) command: String,
    /// To the installing of what a machine is booted with.
    pub(crate) consent: Consent,
}

/// What a machine wrote.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The machine by its name in `cargo xtask vm`.
    pub(crate) machine: &'static str,
    pub(crate) kernel: Series,
    /// As `uname -r` says.
    pub(crate) release: String,
    pub(crate) tier: Tier,
    /// The content of the file that `--output` named.
    pub(crate) text: String,
}

/// What the machines came to.
pub(crate) struct Outcome {
    /// What those wrote that came so far.
    pub(crate) measured: Vec<Measured>,
    /// What went wrong, with the name of the machine; empty if nothing did.
    pub(crate) problems: Vec<String>,
}

/// Boots the machines, as many at once as there are processors: they cannot disturb each other.
pub(crate) fn run(request: &Request) -> Result<Outcome> {
    let boots: Vec<Boot> = machine::chosen(request.kernels, request.tiers)
        .into_iter()
        .flat_map(Boot::each_tier)
        .collect();
    ensure!(
        !boots.is_empty(),
        "no machine has both that kernel and that tier"
    );
    let tools = match tools::ensure(request.consent)? {
        Readiness::Ready(tools) => tools,
        Readiness::Skip(reason) => bail!("no machine can be booted here: {reason}"),
    };
    let folder = workspace::target_directory()?.join("vm");
    let _lock = super::lock(&folder)?;
    let kernels = super::kernels_of(&boots, &folder)?;
    let machines = super::with_kernels(boots, &kernels);

    let bench = std::env::current_exe().context("find the path of this program")?;
    let contents = Contents {
        tools: &tools,
        programs: &[
            (SENSOR.to_owned(), request.sensor.clone()),
            (BENCH.to_owned(), bench),
        ],
        plan: &Plan {
            bench: Some(format!("{BENCH} {} --sensor {SENSOR}", request.command)),
            ..Plan::default()
        },
        kernels: kernels.values().collect(),
        files: &[],
    };
    let initramfs = folder.join("bench.cpio");
    super::write(&contents.archive(&folder.join("bench"))?, &initramfs)?;
    let logs = folder.join("bench-logs");
    run::clear(&logs)?;
    let rack = Rack {
        qemu: &tools.qemu,
        initramfs: &initramfs,
        logs: &logs,
        clock: Clock::Instructions,
        limit: LIMIT,
        patience: SILENCE,
    };
    let mut outcome = Outcome {
        measured: Vec::new(),
        problems: Vec::new(),
    };
    for finished in rack.run(&machines, super::processors())? {
        let boot = finished.boot;
        let findings = finished.findings;
        if !findings.problems.is_empty() {
            outcome.problems.push(format!(
                "{}: {}; its whole console is in {}",
                boot.name,
                findings.problems.join("; "),
                finished.log.display()
            ));
        }
        for (tier, text) in findings.bench {
            outcome.measured.push(Measured {
                machine: boot.machine.name,
                kernel: boot.machine.series,
                release: findings.release.clone(),
                tier,
                text,
            });
        }
    }
    Ok(outcome)
}
