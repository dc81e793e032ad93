//! Keeping a thread on one processor.

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The calling thread, kept on one processor until this is dropped.
///
/// What it starts meanwhile inherits the restriction.
pub(super) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Keeps the calling thread on processor `core`, counted from zero.
    pub(super) fn to(core: usize) -> Result<Self> {
        let before = sched_getaffinity(None).context("sched_getaffinity")?;
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only)
            .with_context(|| format!("keep a thread on processor {core}"))?;
        Ok(Self { before })
    }

    /// Keeps it on the last processor: interrupts and whatever else runs prefer the first.
    pub(super) fn to_last() -> Result<Self> {
        Self::to(super::machine::cores()? - 1)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(None, &self.before) {
            super::progress(&format!("a thread stays on its processor: {error}"));
        }
    }
}
