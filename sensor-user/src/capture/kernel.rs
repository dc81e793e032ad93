use std::{
    path::{Path, PathBuf},
    process,
};

use aya::{
    Btf, Ebpf, EbpfError, EbpfLoader, include_bytes_aligned,
    maps::{MapError, ProgramArray},
    programs::{BtfTracePoint, ProgramError},
};
use sensor_common::{Ring, SyscallTable};
use thiserror::Error;
use tokio::io::{Interest, unix::AsyncFd};
use zerocopy::IntoBytes;

use super::{
    Attachment, HOOKS, Hook, HookReport, HookStatus, KernelTypes, LossReader, OffsetError,
    ProgramStats, RingSizes, Rings, program_stats,
};

/// The kernel programs, built with this agent.
static OBJECT: &[u8] = include_bytes_aligned!(env!("SENSOR_EBPF_OBJECT"));

/// Where the running kernel keeps its types.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// How to load the kernel programs.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Type information of the running kernel.
    pub btf: PathBuf,
    /// Bytes of each ring.
    pub ring_sizes: RingSizes,
}

impl Default for KernelOptions {
    fn default() -> Self {
        Self {
            btf: BTF_PATH.into(),
            ring_sizes: RingSizes::default(),
        }
    }
}

/// Why the kernel programs could not be loaded at all.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The kernel's types are not to be had.
    #[error(transparent)]
    Types(#[from] OffsetError),
    /// The kernel's types cannot be used for attachment.
    #[error("cannot use the kernel's type information (BTF) in {path}: {source}")]
    Btf {
        /// The BTF file.
        path: PathBuf,
        /// What the loader said.
        source: aya::BtfError,
    },
    /// The kernel refused the maps or the object.
    #[error("the kernel refused the sensor's eBPF maps: {reason}; {hint}")]
    Load {
        /// The kernel's own words.
        reason: String,
        /// What usually lies behind it.
        hint: &'static str,
    },
    /// A map is missing from the object: it was built from other sources.
    #[error("the embedded eBPF object has no usable map {name}: {reason}")]
    Map {
        /// The map.
        name: &'static str,
        /// What the loader said.
        reason: String,
    },
    /// A ring's memory cannot be mapped or watched.
    #[error("cannot read the ring {name}: {reason}")]
    Ring {
        /// The ring.
        name: &'static str,
        /// What the system said.
        reason: String,
    },
}

/// The loaded programs. Dropping it detaches them.
pub struct Kernel {
    ebpf: Ebpf,
    /// The kernel empties a program array when its last descriptor closes.
    _handlers: ProgramArray<aya::maps::MapData>,
    reports: Vec<HookReport>,
}

impl Kernel {
    /// Loads and attaches every hook. A hook that fails is in
    /// [`Kernel::reports`]; an error means that nothing can be seen at all.
    pub fn load(options: &KernelOptions) -> Result<(Self, Rings, LossReader), KernelError> {
        raise_memory_lock_limit();
        let types = KernelTypes::read(&options.btf)?;
        let btf = parse_btf(&options.btf)?;
        let mut ebpf = load_object(&types, &btf, options.ring_sizes)?;

        let handlers = take_map(&mut ebpf, "SYSCALL_PROGRAMS")?;
        let mut handlers = ProgramArray::try_from(handlers)
            .map_err(|error| map_error("SYSCALL_PROGRAMS", &error))?;
        let reports = HOOKS
            .iter()
            .map(|hook| {
                let status = match attach(&mut ebpf, &mut handlers, hook, &btf) {
                    Ok(()) => HookStatus::Attached,
                    Err(reason) => HookStatus::Failed { reason },
                };
                HookReport::new(hook, status)
            })
            .collect();

        let rings = Rings::new(
            take_map(&mut ebpf, Ring::Critical.map_name())?,
            take_map(&mut ebpf, Ring::Bulk.map_name())?,
        )?;
        let losses = LossReader::new(take_map(&mut ebpf, "KIND_COUNTERS")?)?;
        Ok((
            Self {
                ebpf,
                _handlers: handlers,
                reports,
            },
            rings,
            losses,
        ))
    }

    /// What became of each hook.
    #[must_use]
    pub fn reports(&self) -> &[HookReport] {
        &self.reports
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

fn parse_btf(path: &Path) -> Result<Btf, KernelError> {
    Btf::parse_file(path, aya::Endianness::default()).map_err(|source| KernelError::Btf {
        path: path.into(),
        source,
    })
}

fn load_object(types: &KernelTypes, btf: &Btf, sizes: RingSizes) -> Result<Ebpf, KernelError> {
    let agent_tgid = process::id();
    let exit_has_group_dead = u8::from(types.exit_has_group_dead);
    let has_task_btf = u8::from(kernel_at_least(5, 11));
    let table = SyscallTable::X86_64;
    EbpfLoader::new()
        .btf(Some(btf))
        .override_global("OFFSETS", types.offsets.as_bytes(), true)
        .override_global("SYSCALLS", &table.acts[..], true)
        .override_global("AGENT_TGID", &agent_tgid, true)
        .override_global("EXIT_HAS_GROUP_DEAD", &exit_has_group_dead, true)
        .override_global("HAS_TASK_BTF", &has_task_btf, true)
        .map_max_entries(Ring::Critical.map_name(), sizes.critical)
        .map_max_entries(Ring::Bulk.map_name(), sizes.bulk)
        .load(OBJECT)
        .map_err(|error| KernelError::Load {
            reason: chain(&error),
            hint: hint(&error),
        })
}

/// What usually lies behind a refusal.
fn hint(error: &EbpfError) -> &'static str {
    let permission = chain(error).contains("Operation not permitted")
        || chain(error).contains("Permission denied");
    if permission {
        "eBPF needs root (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN), and no seccomp filter or \
         lockdown mode that forbids bpf(2)"
    } else {
        "the sensor needs Linux 5.10 or later with ring buffer maps"
    }
}

/// An error with all its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<aya::maps::Map, KernelError> {
    ebpf.take_map(name).ok_or_else(|| KernelError::Map {
        name,
        reason: String::from("it is not there"),
    })
}

pub(super) fn map_error(name: &'static str, error: &MapError) -> KernelError {
    KernelError::Map {
        name,
        reason: chain(error),
    }
}

fn attach(
    ebpf: &mut Ebpf,
    handlers: &mut ProgramArray<aya::maps::MapData>,
    hook: &Hook,
    btf: &Btf,
) -> Result<(), String> {
    let program = ebpf
        .program_mut(hook.program)
        .ok_or_else(|| String::from("the embedded eBPF object has no such program"))?;
    let program: &mut BtfTracePoint =
        <&mut BtfTracePoint>::try_from(program).map_err(|error| reason(&error))?;
    match hook.attachment {
        Attachment::Tracepoint(name) => {
            program.load(name, btf).map_err(|error| reason(&error))?;
            program.attach().map_err(|error| reason(&error))?;
        }
        Attachment::SyscallExit(act) => {
            program
                .load("sys_exit", btf)
                .map_err(|error| reason(&error))?;
            let descriptor = program.fd().map_err(|error| reason(&error))?;
            handlers
                .set(u32::from(act as u8), descriptor, 0)
                .map_err(|error| chain(&error))?;
        }
    }
    Ok(())
}

/// The kernel's words; of a verifier's log the last lines, which name the
/// offence.
fn reason(error: &ProgramError) -> String {
    const LINES: usize = 6;
    match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let mut tail: Vec<&str> = log
                .lines()
                .rev()
                .filter(|line| !line.is_empty())
                .take(LINES)
                .collect();
            tail.reverse();
            format!("{io_error}; verifier: {}", tail.join(" | "))
        }
        other => chain(other),
    }
}

/// True when the running kernel is at least this version.
fn kernel_at_least(major: u32, minor: u32) -> bool {
    let release = rustix::system::uname();
    let release = release.release().to_string_lossy().into_owned();
    let mut parts = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    let version = (parts.next(), parts.next());
    match version {
        (Some(Ok(found_major)), Some(Ok(found_minor))) => {
            (found_major, found_minor) >= (major, minor)
        }
        _ => false,
    }
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
            .field("reports", &self.reports)
            .finish_non_exhaustive()
    }
}
