use std::path::PathBuf;

use aya::{
    EbpfError,
    maps::{MapError, MapType},
    programs::ProgramError,
    sys::is_map_supported,
};
use thiserror::Error;

use super::object::kernel_release;
use crate::capture::{OffsetError, Tier};

/// Why the kernel programs could not be loaded at all.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The kernel's types are not to be had.
    #[error(transparent)]
    Types(#[from] OffsetError),
    /// The kernel's types cannot be used for attachment.
    #[error("cannot use the kernel's type information (BTF) in {path}")]
    Btf {
        /// The BTF file.
        path: PathBuf,
        /// What the loader said.
        source: aya::BtfError,
    },
    /// The program's file is damaged.
    #[error("the embedded eBPF object cannot be unpacked, the sensor's file is damaged: {reason}")]
    Object {
        /// What is wrong.
        reason: String,
    },
    /// The kernel refused the maps or the object.
    #[error("the kernel refused the sensor's eBPF maps: {reason}; {hint}")]
    Load {
        /// The kernel's own words.
        reason: String,
        /// What usually lies behind it.
        hint: &'static str,
    },
    /// The kernel is older than what records are passed through.
    #[error(
        "this kernel ({release}) has no ring buffer maps (BPF_MAP_TYPE_RINGBUF): the sensor needs \
         Linux 5.10 or later"
    )]
    NoRingBuffers {
        /// The running kernel's release.
        release: String,
    },
    /// The tier that was asked for is not to be had.
    #[error(
        "the kernel does not allow the {tier} tier: {reason}; with `--tier auto` the sensor takes \
         the best that it allows"
    )]
    Tier {
        /// The tier.
        tier: Tier,
        /// The kernel's own words.
        reason: String,
    },
    /// The agent has another number than the kernel programs know it by.
    #[error(
        "the sensor runs in a pid namespace of its own and could not tell itself from others: \
         start it in the initial one (in a container: with the host's, such as --pid=host)"
    )]
    PidNamespace,
    /// The self-test could not be run.
    #[error("the self-test of the kernel programs could not be run: {reason}")]
    SelfTest {
        /// The kernel's own words.
        reason: String,
    },
    /// A map is missing from the object: it was built from other sources.
    #[error("the embedded eBPF object has no usable map {name}: {reason}")]
    Map {
        /// The map.
        name: &'static str,
        /// What the loader said.
        reason: String,
    },
    /// A program's descriptor cannot be kept.
    #[error("cannot keep a program's descriptor open")]
    Descriptor(#[source] std::io::Error),
    /// A ring's memory cannot be mapped or watched.
    #[error("cannot read the ring {name}: {reason}")]
    Ring {
        /// The ring.
        name: &'static str,
        /// What the system said.
        reason: String,
    },
}

pub(in crate::capture) fn map_error(name: &'static str, error: &MapError) -> KernelError {
    KernelError::Map {
        name,
        reason: chain(error),
    }
}

/// An error on a kernel without ring buffers. Its own word for a type of map that
/// it does not know is the one for any wrong argument, so it is asked for the
/// type alone; where it refuses to answer, loading will show.
pub(super) fn require_ring_buffers() -> Result<(), KernelError> {
    match is_map_supported(MapType::RingBuf) {
        Ok(false) => Err(KernelError::NoRingBuffers {
            release: kernel_release(),
        }),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// Why the object was refused.
pub(super) fn load_error(error: &EbpfError) -> KernelError {
    let reason = chain(error);
    let hint = hint(&reason);
    KernelError::Load { reason, hint }
}

/// What usually lies behind a refusal.
fn hint(reason: &str) -> &'static str {
    if reason.contains("Operation not permitted") || reason.contains("Permission denied") {
        "eBPF needs root (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN), and no seccomp filter or \
         lockdown mode that forbids bpf(2)"
    } else {
        "the sensor needs Linux 5.10 or later"
    }
}

/// An error with all its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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

/// The kernel's words; of a verifier's log the last lines, which name the
/// offence.
pub(super) fn reason(error: &ProgramError) -> String {
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
            if tail.is_empty() {
                return io_error.to_string();
            }
            tail.reverse();
            format!("{io_error}; verifier: {}", tail.join(" | "))
        }
        other => chain(other),
    }
}
