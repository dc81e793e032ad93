//! The kernel's statistics of its programs, for as long as they are wanted.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd, RawFd},
};

use anyhow::{Context as _, Result};

/// While this lives, the kernel counts and times every run of every eBPF program.
///
/// A descriptor instead of `sysctl kernel.bpf_stats_enabled`: the kernel takes it back however
/// this program ends, and nobody else's setting is touched.
pub(super) struct ProgramStatistics {
    _descriptor: OwnedFd,
}

impl ProgramStatistics {
    /// Switches them on (Linux 5.8 and later).
    pub(super) fn on() -> Result<Self> {
        /// `BPF_ENABLE_STATS` of `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
        const ENABLE_STATS: libc::c_long = 32;
        /// The member `enable_stats.type` of `union bpf_attr`; zero is `BPF_STATS_RUN_TIME`.
        static RUN_TIME: u32 = 0;

        // SAFETY: the kernel reads the four bytes that the size names.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                ENABLE_STATS,
                &raw const RUN_TIME,
                size_of::<u32>(),
            )
        };
        let descriptor = RawFd::try_from(result)
            .ok()
            .filter(|descriptor| *descriptor >= 0)
            .ok_or_else(io::Error::last_os_error)
            .context("switch on the kernel's statistics of eBPF programs (BPF_ENABLE_STATS)")?;
        // SAFETY: the kernel has just made the descriptor, for nobody else.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self {
            _descriptor: descriptor,
        })
    }
}
