//! Loading the kernel programs and attaching them.

mod attach;
mod error;
mod exclude;
mod listeners;
mod object;
mod readable;
mod self_test;
mod tier_choice;
mod verifier;
mod verify;
mod watch;
mod watched_names;
mod window;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use aya::{Btf, Ebpf, VerifierLogLevel, programs::links::FdLink};
use aya_log::EbpfLogger;
use sensor_common::Ring;
use tokio::io::{Interest, unix::AsyncFd};

pub use error::KernelError;
pub(super) use error::map_error;
pub use exclude::{ExcludedCgroups, Exclusions};
pub use listeners::ListenerMap;
pub use verifier::VerifierCost;
pub use watch::{WatchMap, Watches};
pub use watched_names::{NoWatchedName, WATCHED_NAMES, WatchedName};

use self::{attach::Attacher, object::Handlers, verify::Verdicts};
use super::{
    FileNotices, HOOKS, HookReport, HookStatus, KernelTypes, LossReader, Outcome, ProgramStats,
    ReadsReader, RingSizes, Rings, Tier, UnrecordedReader, offsets,
    program_stats::{LoadedPrograms, SkipReader},
};

/// Where the running kernel keeps its types.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// How to load the kernel programs.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Type information of the running kernel.
    pub btf: PathBuf,
    /// Bytes of each ring.
    pub ring_sizes: RingSizes,
    /// The tier; the best that the kernel allows when `None`.
    pub tier: Option<Tier>,
    /// Files whose reading or writing is watched.
    pub watches: Watches,
    /// Acts that are not recorded.
    pub exclusions: Exclusions,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            btf: BTF_PATH.into(),
            ring_sizes: RingSizes::default(),
            tier: None,
            watches: Watches::default(),
            exclusions: Exclusions::default(),
        }
    }
}

/// The loaded programs. Dropping it detaches them.
///
/// It holds their descriptors only: what aya keeps of an object, code and debug
/// information of every program that was not wanted too, is some five megabytes.
pub struct Kernel {
    _links: Vec<FdLink>,
    _handlers: Handlers,
    programs: Arc<LoadedPrograms>,
    /// The programs may have been loaded with [`KernelTypes::readable_cast`].
    reads_plainly: bool,
    /// Until it is passed on.
    logger: Option<Result<EbpfLogger<&'static dyn log::Log>, aya_log::Error>>,
    tier: Tier,
    /// Hooks that the tier refused, by their place in the table.
    fallen: BTreeMap<usize, String>,
    refusals: Vec<TierRefusal>,
    reports: Vec<HookReport>,
}

/// What the agent reads from the loaded programs.
pub struct Channels {
    /// Records.
    pub rings: Rings,
    /// Accounting of records.
    pub losses: LossReader,
    /// Numbers of acts without a record.
    pub unrecorded: UnrecordedReader,
    /// Numbers of what was opened only to be read.
    pub reads: ReadsReader,
    /// Watched files.
    pub watches: WatchMap,
    /// Cgroups whose acts are not recorded.
    pub excluded_cgroups: ExcludedCgroups,
    /// Notifications of files, where the tier has them.
    pub file_notices: Option<FileNotices>,
    /// Who listens, where the tier must remember it.
    pub listeners: Option<ListenerMap>,
}

/// Why a tier that sees more than the one in use was not taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TierRefusal {
    /// The tier.
    pub tier: Tier,
    /// The kernel's own words.
    pub reason: String,
}

impl Kernel {
    /// Loads and attaches every hook of the tier. A hook that fails is tried in
    /// the tracepoint tier; one that fails there, too, is in
    /// [`Kernel::reports`]. An error means that nothing can be seen at all.
    pub fn load(options: &KernelOptions) -> Result<(Self, Channels), KernelError> {
        if !in_initial_pid_namespace() {
            return Err(KernelError::PidNamespace);
        }
        raise_memory_lock_limit();
        error::require_ring_buffers()?;
        let (mut types, btf) = read_types(&options.btf)?;
        match Self::load_best(options, &types, &btf) {
            // Every program reads that way, where one may: none of them is loaded
            // where the kernel's word on it is not kept.
            Err(KernelError::SelfTest { reason } | KernelError::Tier { reason, .. })
                if types.readable_cast.take().is_some() =>
            {
                tracing::info!(
                    reason,
                    "once more, with kernel objects read through helpers"
                );
                Self::load_best(options, &types, &btf)
            }
            loaded => loaded,
        }
    }

    /// Loads the best tier that is allowed, or the one that is asked for.
    fn load_best(
        options: &KernelOptions,
        types: &KernelTypes,
        btf: &Btf,
    ) -> Result<(Self, Channels), KernelError> {
        let mut spare = None;
        let mut refusals = Vec::new();
        let tiers: &[Tier] = match &options.tier {
            Some(tier) => std::slice::from_ref(tier),
            None => &Tier::UNASKED,
        };
        for &tier in tiers {
            match Self::load_tier(options, types, btf, tier, &mut spare)? {
                Ok((mut kernel, channels)) => {
                    kernel.refusals = refusals;
                    return Ok((kernel, channels));
                }
                Err(reason) if options.tier.is_some() => {
                    return Err(KernelError::Tier { tier, reason });
                }
                Err(reason) => refusals.push(TierRefusal { tier, reason }),
            }
        }
        // The tracepoint tier is never refused as a whole: its hooks fail one by
        // one, and the report says so.
        Err(KernelError::Tier {
            tier: Tier::Tracepoint,
            reason: String::from("no tier was tried"),
        })
    }

    /// Loads one tier; the inner error says why the kernel does not allow it.
    /// `spare` is what a tier that was not allowed had loaded for nothing.
    fn load_tier(
        options: &KernelOptions,
        types: &KernelTypes,
        btf: &Btf,
        tier: Tier,
        spare: &mut Option<(Ebpf, Handlers)>,
    ) -> Result<Result<(Self, Channels), String>, KernelError> {
        if tier == Tier::Lsm
            && let Err(reason) = tier_choice::bpf_lsm_is_active()
        {
            return Ok(Err(reason));
        }
        // Hooks that the tier refused, with its words, and that the tracepoint
        // tier can see.
        let mut fallen: BTreeMap<usize, String> = BTreeMap::new();
        loop {
            // The tiers above the lowest have the same object.
            let reused = spare.take().filter(|_| tier != Tier::Tracepoint);
            let (mut ebpf, mut handlers) = if let Some(loaded) = reused {
                loaded
            } else {
                let level = VerifierLogLevel::default();
                object::load(options, types, btf, tier, &fallen, level)?
            };
            if let Err(reason) = attach::is_allowed(&mut ebpf, tier, btf) {
                *spare = Some((ebpf, handlers));
                return Ok(Err(reason));
            }
            let findings = {
                let _span = tracing::debug_span!("look at itself").entered();
                self_test::run(&mut ebpf, btf)?
            };
            let (mut file_notices, notices_refused) = if tier == Tier::Light {
                match file_notices() {
                    Ok(notices) => (Some(notices), None),
                    Err(error) => (None, Some(error.to_string())),
                }
            } else {
                (None, None)
            };
            let mut attacher = Attacher {
                ebpf: &mut ebpf,
                findings: &findings,
                handlers: &mut handlers,
                btf,
                types,
                tier,
                writes_are_watched: !options.watches.write.is_empty(),
                notices_refused,
                verdicts: Verdicts::default(),
                links: Vec::new(),
                shared: BTreeMap::new(),
            };
            let outcomes = attacher.attach_all(&fallen);
            let links = attacher.links;
            if let Some(notices) = &mut file_notices {
                notices.begin();
            }
            let refused = refused_by(tier, &outcomes, &fallen);
            if !refused.is_empty() {
                // The system call table is fixed at load: once more, with these
                // hooks, and the one that calls them, in the lower tier.
                fallen.extend(refused);
                fallen.insert(HOOKS.len() - 1, String::from("needed by other hooks"));
                continue;
            }
            let reports = HOOKS
                .iter()
                .zip(outcomes)
                .enumerate()
                .map(|(index, (hook, outcome))| match fallen.get(&index) {
                    Some(words) => {
                        HookReport::new(hook, Tier::Tracepoint, outcome.after_refusal(words))
                    }
                    None => HookReport::new(hook, tier, outcome),
                })
                .collect();
            let programs = LoadedPrograms::of(ebpf.programs()).map_err(KernelError::Descriptor)?;
            let programs = Arc::new(programs);
            let channels = Channels::new(&mut ebpf, Arc::clone(&programs), options)?;
            let listeners = (tier == Tier::Light)
                .then(|| ListenerMap::new(object::take_map(&mut ebpf, "LISTENERS")?))
                .transpose()?;
            let channels = Channels {
                file_notices,
                listeners,
                ..channels
            };
            let kernel = Self {
                _links: links,
                _handlers: handlers,
                programs,
                reads_plainly: types.readable_cast.is_some(),
                logger: Some(EbpfLogger::init(&mut ebpf)),
                tier,
                fallen,
                refusals: Vec::new(),
                reports,
            };
            return Ok(Ok((kernel, channels)));
        }
    }

    /// The tier in use.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Why the tiers that see more are not in use.
    #[must_use]
    pub fn refusals(&self) -> &[TierRefusal] {
        &self.refusals
    }

    /// What became of each hook.
    #[must_use]
    pub fn reports(&self) -> &[HookReport] {
        &self.reports
    }

    /// Number of hooks that should run and do not.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.reports
            .iter()
            .filter(|report| report.status == HookStatus::Failed)
            .count()
    }

    /// Run time and run count of each program that ran while the kernel kept
    /// statistics.
    #[must_use]
    pub fn program_stats(&self) -> Vec<ProgramStats> {
        self.programs
            .stats()
            .filter(|stats| stats.run_count > 0)
            .collect()
    }

    /// What the verifier needed for each program in use, the costliest first:
    /// it looks at all of them once more. `options` are those of the load.
    pub fn verifier_costs(
        &self,
        options: &KernelOptions,
    ) -> Result<Vec<VerifierCost>, KernelError> {
        let (mut types, btf) = read_types(&options.btf)?;
        types.readable_cast = types.readable_cast.filter(|_| self.reads_plainly);
        let loaded = verifier::Loaded {
            programs: &self.programs,
            reports: &self.reports,
        };
        verifier::costs(options, &types, &btf, self.tier, &self.fallen, &loaded)
    }

    /// Passes the kernel programs' own log lines on to `tracing`; they are
    /// rare, and mean that something is wrong.
    pub fn forward_log(&mut self) {
        let logger = match self.logger.take() {
            Some(Ok(logger)) => logger,
            Some(Err(error)) => {
                tracing::warn!(%error, "the kernel programs' log is not available");
                return;
            }
            None => return,
        };
        // SAFETY: the logger owns its ring's descriptor, and always gives the
        // same one.
        match unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) } {
            Ok(mut logger) => {
                tokio::spawn(async move {
                    while let Ok(mut guard) = logger.readable_mut().await {
                        guard.get_inner_mut().flush();
                        guard.clear_ready();
                    }
                });
            }
            Err(error) => tracing::warn!(%error, "the kernel programs' log cannot be watched"),
        }
    }
}

/// The kernel's notifications of files, where it tells enough.
fn file_notices() -> std::io::Result<FileNotices> {
    if !object::kernel_at_least(5, 17) {
        let words = "the kernel does not notify of moved names before 5.17";
        return Err(std::io::Error::other(words));
    }
    FileNotices::new()
}

/// Hooks that a tier refused and that the tracepoint tier can see, by their
/// place in the table, with the kernel's words.
fn refused_by(
    tier: Tier,
    outcomes: &[Outcome],
    fallen: &BTreeMap<usize, String>,
) -> Vec<(usize, String)> {
    if matches!(tier, Tier::Tracepoint | Tier::Light) {
        return Vec::new();
    }
    outcomes
        .iter()
        .enumerate()
        .filter(|(index, _)| !HOOKS[*index].tracepoint.is_empty() && !fallen.contains_key(index))
        .filter_map(|(index, outcome)| match outcome {
            Outcome::Failed { reason } => Some((index, reason.clone())),
            Outcome::Attached { .. } | Outcome::Absent { .. } => None,
        })
        .collect()
}

impl Channels {
    fn new(
        ebpf: &mut Ebpf,
        programs: Arc<LoadedPrograms>,
        options: &KernelOptions,
    ) -> Result<Self, KernelError> {
        let rings = Rings::new(
            object::take_map(ebpf, Ring::Critical.map_name())?,
            object::take_map(ebpf, Ring::Bulk.map_name())?,
            object::take_map(ebpf, "AGENT_REST")?,
        )?;
        let counters = object::take_map(ebpf, "KIND_COUNTERS")?;
        let losses = LossReader::new(counters, SkipReader(programs))?;
        let unrecorded = UnrecordedReader::new(object::take_map(ebpf, "UNRECORDED")?)?;
        let reads = ReadsReader::new(object::take_map(ebpf, "READS")?)?;
        let exclusions = &options.exclusions;
        let watches = WatchMap::new(
            object::take_map(ebpf, "WATCHED")?,
            object::take_map(ebpf, "WATCH_FILTER")?,
            options.watches.clone(),
            exclusions.executables.clone(),
        )?;
        let names = object::take_map(ebpf, "WATCHED_NAME_KEYS")?;
        watched_names::enter(names, &options.watches.names)?;
        exclude::enter_paths(object::take_map(ebpf, "EXCLUDED_PATHS")?, &exclusions.paths)?;
        let cgroups = object::take_map(ebpf, "EXCLUDED_CGROUPS")?;
        let excluded_cgroups = ExcludedCgroups::new(cgroups, &exclusions.cgroups)?;
        Ok(Self {
            rings,
            losses,
            unrecorded,
            reads,
            watches,
            excluded_cgroups,
            file_notices: None,
            listeners: None,
        })
    }
}

/// What the kernel programs must know of the kernel, and what the loader must.
fn read_types(path: &Path) -> Result<(KernelTypes, Btf), KernelError> {
    let _span = tracing::debug_span!("read the kernel's types").entered();
    let bytes = offsets::read(path)?;
    let types = KernelTypes::parse(&bytes, path)?;
    let btf =
        Btf::parse(&bytes, aya::Endianness::default()).map_err(|source| KernelError::Btf {
            path: path.into(),
            source,
        })?;
    Ok((types, btf))
}

/// Whether process numbers mean the same to the agent and to the kernel programs;
/// taken for granted where it cannot be told.
fn in_initial_pid_namespace() -> bool {
    use std::os::unix::fs::MetadataExt;
    /// `PROC_PID_INIT_INO` (`include/linux/proc_ns.h`).
    const INITIAL: u64 = 0xefff_fffc;
    std::fs::metadata("/proc/self/ns/pid").map_or(true, |found| found.ino() == INITIAL)
}

/// Kernels before 5.11 charge maps against this limit. Where raising it is
/// refused, a later kernel does not need it.
fn raise_memory_lock_limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        tracing::debug!(%error, "the locked-memory limit stays as it is");
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kernel")
            .field("tier", &self.tier)
            .field("reports", &self.reports)
            .finish_non_exhaustive()
    }
}
