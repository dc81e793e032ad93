use super::Count;
use crate::state::sketch::Distinct;

/// What was counted within one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// By [`Count`]; each stops at its largest value.
    counts: [u16; Count::ALL.len()],
    /// Directories written to.
    pub(super) directories: Distinct,
    /// Remote addresses.
    pub(super) peers: Distinct,
    /// Remote ports.
    pub(super) ports: Distinct,
    /// Names asked for.
    pub(super) names: Distinct,
    /// Bytes of the longest of them.
    pub(super) longest_name: u16,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            counts: [0; Count::ALL.len()],
            directories: Distinct::default(),
            peers: Distinct::default(),
            ports: Distinct::default(),
            names: Distinct::default(),
            longest_name: 0,
        }
    }
}

impl Window {
    pub(super) fn add(&mut self, count: Count, times: u16) {
        if let Some(counted) = self.counts.get_mut(count as usize) {
            *counted = counted.saturating_add(times);
        }
    }

    pub(super) fn get(&self, count: Count) -> u32 {
        self.counts
            .get(count as usize)
            .copied()
            .unwrap_or_default()
            .into()
    }
}
