//! Loading the kernel programs and attaching them.

mod attach;
mod error;
mod exclude;
mod object;
mod readable;
mod self_test;
mod tier_choice;
mod verifier;
mod watch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use aya::{Btf, Ebpf, VerifierLogLevel};
use sensor_common::Ring;
use tokio::io::{Interest, unix::AsyncFd};

pub use error::KernelError;
pub(super) use error::map_error;
pub use exclude::{ExcludedCgroups, Exclusions};
pub use verifier::VerifierCost;
pub use watch::{WatchMap, Watches};

use self::attach::Attacher;
use super::{
    HOOKS, Hook, HookReport, HookStatus, KernelTypes, LossReader, Outcome, ProgramStats,
    RepeatReader, RingSizes, Rings, Tier, program_stats, program_stats::SkipReader,
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
pub struct Kernel {
    ebpf: Ebpf,
    _handlers: object::Handlers,
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
    /// Sums of repeated acts.
    pub repeats: RepeatReader,
    /// Watched files.
    pub watches: WatchMap,
    /// Cgroups whose acts are not recorded.
    pub excluded_cgroups: ExcludedCgroups,
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
        let types = KernelTypes::read(&options.btf)?;
        let btf = parse_btf(&options.btf)?;
        let mut refusals = Vec::new();
        let tiers: &[Tier] = match &options.tier {
            Some(tier) => std::slice::from_ref(tier),
            None => &Tier::ALL,
        };
        for &tier in tiers {
            match Self::load_tier(options, &types, &btf, tier)? {
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
    fn load_tier(
        options: &KernelOptions,
        types: &KernelTypes,
        btf: &Btf,
        tier: Tier,
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
            let (mut ebpf, mut handlers) = object::load(
                options,
                types,
                btf,
                tier,
                &fallen,
                VerifierLogLevel::default(),
            )?;
            let findings = self_test::run(&mut ebpf, btf)?;
            let mut attacher = Attacher {
                ebpf: &mut ebpf,
                findings: &findings,
                handlers: &mut handlers,
                btf,
                types,
                tier,
                writes_are_watched: !options.watches.write.is_empty(),
            };
            if let Err(reason) = attacher.is_allowed(tier) {
                return Ok(Err(reason));
            }
            let outcomes: Vec<Outcome> = HOOKS
                .iter()
                .enumerate()
                .map(|(index, hook)| attacher.attach_in(hook, fallen.contains_key(&index)))
                .collect();
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
            let channels = Channels::new(&mut ebpf, options)?;
            let kernel = Self {
                ebpf,
                _handlers: handlers,
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
        self.ebpf
            .programs()
            .filter_map(|(name, program)| program_stats(name, program))
            .filter(|stats| stats.run_count > 0)
            .collect()
    }

    /// What the verifier needed for each program in use, the costliest first:
    /// it looks at all of them once more. `options` are those of the load.
    pub fn verifier_costs(
        &self,
        options: &KernelOptions,
    ) -> Result<Vec<VerifierCost>, KernelError> {
        let types = KernelTypes::read(&options.btf)?;
        let btf = parse_btf(&options.btf)?;
        let loaded = verifier::Loaded {
            ebpf: &self.ebpf,
            reports: &self.reports,
        };
        verifier::costs(options, &types, &btf, self.tier, &self.fallen, &loaded)
    }

    /// Passes the kernel programs' own log lines on to `tracing`; they are
    /// rare, and mean that something is wrong.
    pub fn forward_log(&mut self) {
        let logger = match aya_log::EbpfLogger::init(&mut self.ebpf) {
            Ok(logger) => logger,
            Err(error) => {
                tracing::warn!(%error, "the kernel programs' log is not available");
                return;
            }
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

/// Hooks that a tier refused and that the tracepoint tier can see, by their
/// place in the table, with the kernel's words.
fn refused_by(
    tier: Tier,
    outcomes: &[Outcome],
    fallen: &BTreeMap<usize, String>,
) -> Vec<(usize, String)> {
    if tier == Tier::Tracepoint {
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
    fn new(ebpf: &mut Ebpf, options: &KernelOptions) -> Result<Self, KernelError> {
        let rings = Rings::new(
            object::take_map(ebpf, Ring::Critical.map_name())?,
            object::take_map(ebpf, Ring::Bulk.map_name())?,
            object::take_map(ebpf, "AGENT_REST")?,
        )?;
        let skips = SkipReader::new(ebpf.programs()).map_err(KernelError::Descriptor)?;
        let losses = LossReader::new(object::take_map(ebpf, "KIND_COUNTERS")?, skips)?;
        let repeats = RepeatReader::new(
            object::take_map(ebpf, "REPEATS_EVEN")?,
            object::take_map(ebpf, "REPEATS_ODD")?,
            object::take_map(ebpf, "REPEAT_EPOCH")?,
        )?;
        let exclusions = &options.exclusions;
        let watches = WatchMap::new(
            object::take_map(ebpf, "WATCHED")?,
            options.watches.clone(),
            exclusions.executables.clone(),
        )?;
        exclude::enter_paths(object::take_map(ebpf, "EXCLUDED_PATHS")?, &exclusions.paths)?;
        let cgroups = object::take_map(ebpf, "EXCLUDED_CGROUPS")?;
        let excluded_cgroups = ExcludedCgroups::new(cgroups, &exclusions.cgroups)?;
        Ok(Self {
            rings,
            losses,
            repeats,
            watches,
            excluded_cgroups,
        })
    }
}

impl Attacher<'_> {
    /// Attaches a hook in the sensor's tier, or in the tracepoint tier when its
    /// own refused it before.
    fn attach_in(&mut self, hook: &Hook, fallen: bool) -> Outcome {
        let tier = if fallen { Tier::Tracepoint } else { self.tier };
        self.attach(hook, tier)
    }
}

fn parse_btf(path: &Path) -> Result<Btf, KernelError> {
    Btf::parse_file(path, aya::Endianness::default()).map_err(|source| KernelError::Btf {
        path: path.into(),
        source,
    })
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
