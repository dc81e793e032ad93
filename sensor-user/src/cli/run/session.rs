//! One run on this machine, from the first program that is loaded to the summary.

use std::{path::Path, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use super::{
    Events,
    candidate::Candidate,
    known::Known,
    machine::{Loaded, Machine},
    main_loop, memory,
    pipeline::{Outlets, Pipeline},
    runtime, startup,
};
use crate::{
    capture::{Channels, Kernel, KernelOptions, RingSizes, Watches},
    cli::{
        Failure,
        doctor::{self, TierChoice},
        require_root,
    },
    outputs::{
        FeatureExport, Output, WhenFull, Writer,
        metrics::{self, Bound, Source},
    },
    policy::Config,
    recording::RecordingFile,
};

/// What a run is to do.
pub(super) struct Session<'a> {
    pub(super) config: Config,
    pub(super) candidate: Option<Candidate>,
    pub(super) events: Events,
    pub(super) output: Option<&'a Path>,
    pub(super) export: Option<&'a Path>,
    pub(super) record: Option<&'a Path>,
    /// Write over a recording that is there.
    pub(super) force: bool,
    pub(super) duration: Option<Duration>,
    pub(super) btf: &'a Path,
    pub(super) tier: TierChoice,
    pub(super) quiet: bool,
}

/// Where records go: a file, or standard output for `-`.
pub(super) fn writer(
    output: Option<&Path>,
    config: &Config,
    when_full: WhenFull,
) -> Result<Option<Writer>, Failure> {
    let Some(path) = output else { return Ok(None) };
    let output = if path.as_os_str() == "-" {
        Output::Stdout
    } else {
        Output::File(path.into())
    };
    Writer::open(&output, config.output_queue, when_full)
        .map(Some)
        .map_err(Failure::failed)
}

/// Where rows go.
pub(super) fn export(
    path: Option<&Path>,
    when_full: WhenFull,
) -> Result<Option<FeatureExport>, Failure> {
    path.map(|path| FeatureExport::open(path, when_full))
        .transpose()
        .map_err(Failure::failed)
}

pub(super) fn run(session: Session<'_>) -> Result<(), Failure> {
    require_root()?;
    runtime()?.block_on(capture(session))
}

async fn capture(session: Session<'_>) -> Result<(), Failure> {
    let Session {
        config,
        candidate,
        events,
        output,
        export: rows,
        record,
        force,
        duration,
        btf,
        tier,
        quiet,
    } = session;
    // From here on a SIGHUP does not end the sensor.
    let hang_up = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let mut outlets = Outlets {
        scoring: None,
        writer: writer(output, &config, WhenFull::Drop)?,
        export: export(rows, WhenFull::Drop)?,
        events,
    };
    // Before anything is loaded: a file that may not be written over, or an address
    // that is taken, is told at once.
    let file = record
        .map(|path| RecordingFile::create(path, force))
        .transpose()
        .map_err(Failure::failed)?;
    let bound = config
        .metrics
        .listen
        .as_ref()
        .map(Bound::to)
        .transpose()
        .map_err(Failure::failed)?;
    let options = KernelOptions {
        btf: btf.into(),
        ring_sizes: RingSizes {
            critical: config.critical_ring,
            bulk: config.bulk_ring,
        },
        tier: tier.tier(),
        watches: Watches {
            read: config.watch_read.clone(),
            write: config.watch_write.clone(),
            names: config.watch_names.clone(),
        },
        exclusions: config.exclusions.clone(),
    };
    let (mut kernel, channels) = Kernel::load(&options).map_err(Failure::failed)?;
    let Channels {
        mut rings,
        losses,
        unrecorded,
        reads,
        watches,
        excluded_cgroups,
        file_notices,
        listeners,
    } = channels;
    kernel.forward_log();
    if !quiet {
        eprint!("{}", doctor::render(&kernel));
    }
    doctor::require_hooks(&kernel)?;
    outlets.scoring = candidate
        .map(|candidate| candidate.employ(&config))
        .transpose()?;
    let loaded = Loaded {
        tier: kernel.tier(),
        known: Known::new(watches, excluded_cgroups),
        unrecorded,
        reads,
        file_notices,
    };
    let machine = Machine::live(&config, loaded, file).map_err(Failure::failed)?;
    let mut pipeline = Pipeline::new(&config, machine, outlets);
    let _server = bound
        .map(|bound| {
            let (publisher, published) = metrics::channel();
            let source = Source::new(pipeline.facts(&config), published);
            pipeline.publish_to(publisher);
            bound.serve(source)
        })
        .transpose()
        .map_err(Failure::failed)?;
    startup::take_in_existing(&mut pipeline, &mut rings, listeners);
    memory::give_back();
    let options = main_loop::Options {
        duration,
        quiet,
        hang_up,
    };
    main_loop::run(&mut pipeline, &mut rings, &losses, kernel, options)
        .await
        .map_err(Failure::failed)
}
