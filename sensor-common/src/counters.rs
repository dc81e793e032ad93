use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One of the two lanes from the kernel to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ring {
    /// Process life: rare by nature, must never drop.
    Critical,
    /// File and network acts: a flood here leaves the critical lane alone.
    Bulk,
}

impl Ring {
    /// Both rings.
    pub const ALL: [Self; 2] = [Self::Critical, Self::Bulk];

    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Bulk => "bulk",
        }
    }

    /// The map's name in the kernel object.
    #[must_use]
    pub const fn map_name(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL_RING",
            Self::Bulk => "BULK_RING",
        }
    }
}

/// Per-CPU accounting of one record kind: `seen = submitted + counted +
/// excluded + lost`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct KindCounters {
    /// Acts of this kind that are worth a record.
    pub seen: u64,
    /// Records that entered a ring.
    pub submitted: u64,
    /// Acts that went into a sum of repeated acts, and have no record.
    pub counted: u64,
    /// Acts that the policy takes for noise.
    pub excluded: u64,
    /// Records refused by a full ring, or for want of a scratch buffer.
    pub lost: u64,
}
