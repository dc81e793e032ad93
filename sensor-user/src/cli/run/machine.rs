//! The machine that inputs come from: the one that the sensor runs on, or one that
//! was recorded.

use super::known::Known;
use crate::{
    capture::{
        BootTime, CgroupFinder, CgroupHierarchy, Directories, FileNotices, FindCgroup,
        FollowDirectory, Pausing, ReadsReader, Resolver, Tier, UnrecordedReader, WallClock,
        own_mount_namespace, tick_nanoseconds,
    },
    policy::Config,
    recording::{About, Answers, Features, Noting, RecordingError, RecordingFile, Records, Tape},
    response::Protection,
    state::ContainerTable,
};

/// All that the pipeline asks of the machine: nothing else that it does depends on
/// where it runs.
#[derive(Debug)]
pub(super) struct Machine {
    /// Nanoseconds that the start of a scanned process is exact to.
    pub(super) tick_ns: u64,
    /// Processes that are kept track of.
    pub(super) processes: usize,
    pub(super) containers: ContainerTable,
    pub(super) resolvers: [Resolver; 2],
    pub(super) clock: WallClock,
    pub(super) started: BootTime,
    pub(super) side: Side,
}

/// Where answers come from.
#[derive(Debug)]
pub(super) enum Side {
    /// From this machine, and it can be acted on.
    Live(Box<Live>),
    /// From a recording: there is nothing that could be acted on.
    Recorded(Answers),
}

/// This machine.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) known: Known,
    pub(super) unrecorded: UnrecordedReader,
    pub(super) reads: ReadsReader,
    /// Where the tier has them.
    pub(super) file_notices: Option<FileNotices>,
    pub(super) protection: Protection,
    /// What all of it is recorded on, if it is.
    pub(super) tape: Option<Tape>,
}

/// What the loaded kernel programs bring.
pub(super) struct Loaded {
    pub(super) tier: Tier,
    pub(super) known: Known,
    pub(super) unrecorded: UnrecordedReader,
    pub(super) reads: ReadsReader,
    pub(super) file_notices: Option<FileNotices>,
}

impl Machine {
    /// This machine, recorded into a file if there is one.
    pub(super) fn live(
        config: &Config,
        loaded: Loaded,
        file: Option<RecordingFile>,
    ) -> Result<Self, RecordingError> {
        let hierarchy = CgroupHierarchy::of_containers();
        let number = hierarchy.number();
        let mount_namespace = own_mount_namespace();
        let tick_ns = tick_nanoseconds();
        let started = BootTime::now();
        let mut clock = WallClock::new();
        let mut tape = None;
        if let Some(file) = file {
            let about = About {
                sensor: String::from(env!("CARGO_PKG_VERSION")),
                kernel: rustix::system::uname()
                    .release()
                    .to_string_lossy()
                    .into_owned(),
                tier: loaded.tier.name().to_owned(),
                unix_seconds: clock.unix_seconds(started),
                started: started.0,
                clock_ahead: ahead(clock),
                tick: tick_ns,
                cgroup_hierarchy: number,
                mount_namespace,
                processes: config.processes,
                features: Features::own(),
                records: Records::own(),
            };
            clock = WallClock::ahead_by(about.clock_ahead.into());
            tape = Some(file.begin(&about)?);
        }
        let finder = match CgroupFinder::new(&hierarchy) {
            Ok(finder) => Some(noted_cgroups(Pausing::new(finder), tape.as_ref())),
            Err(error) => {
                tracing::warn!(%error, "cgroups cannot be looked up: containers may go unnamed");
                None
            }
        };
        let Loaded {
            tier: _,
            known,
            unrecorded,
            reads,
            file_notices,
        } = loaded;
        Ok(Self {
            tick_ns,
            processes: config.processes,
            containers: ContainerTable::new(number, finder),
            resolvers: [(); 2]
                .map(|()| Resolver::with(mount_namespace, noted_directories(tape.as_ref()))),
            clock,
            started,
            side: Side::Live(Box::new(Live {
                known,
                unrecorded,
                reads,
                file_notices,
                protection: Protection::new(&config.protected),
                tape,
            })),
        })
    }

    /// The machine of a recording.
    pub(super) fn recorded(about: &About, answers: Answers) -> Self {
        let resolver =
            || Resolver::with(about.mount_namespace, Box::new(answers.clone()) as Box<_>);
        Self {
            tick_ns: about.tick,
            processes: about.processes(),
            containers: ContainerTable::new(
                about.cgroup_hierarchy,
                Some(Box::new(answers.clone())),
            ),
            resolvers: [resolver(), resolver()],
            clock: WallClock::ahead_by(about.clock_ahead.into()),
            started: about.started(),
            side: Side::Recorded(answers),
        }
    }
}

/// Nanoseconds that a clock is ahead of the boot clock, as recordings have it: it is
/// exact until the year 2262.
pub(super) fn ahead(clock: WallClock) -> i64 {
    let ahead = clock.ahead();
    i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX })
}

fn noted_cgroups(finder: Pausing<CgroupFinder>, tape: Option<&Tape>) -> Box<dyn FindCgroup> {
    match tape {
        Some(tape) => Box::new(Noting::new(finder, tape.clone())),
        None => Box::new(finder),
    }
}

fn noted_directories(tape: Option<&Tape>) -> Box<dyn FollowDirectory> {
    match tape {
        Some(tape) => Box::new(Noting::new(Directories::default(), tape.clone())),
        None => Box::new(Directories::default()),
    }
}
