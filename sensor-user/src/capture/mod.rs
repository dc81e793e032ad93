//! From the kernel's rings to typed events. The only room that parses kernel
//! bytes.

mod btf;
mod cgroups;
mod clock;
mod decode;
mod files;
mod hooks;
mod kernel;
mod losses;
mod mounts;
mod offsets;
mod procfs_scan;
mod program_stats;
mod reads;
mod resolve;
mod rings;
mod unrecorded;

pub use cgroups::{
    CgroupFinder, CgroupHierarchy, FindCgroup, FoundCgroup, Pausing, ScannedCgroup, scan_cgroups,
};
pub use clock::{BootTime, WallClock};
pub use decode::{DecodeError, DnsQuestion, decode, dns_name, dns_question};
pub use files::{Deed, FileNotices, Noticed, NoticedAct};
pub use hooks::{
    HOOKS, Hook, HookReport, HookStatus, Need, Outcome, Point, Required, Tier, When, hook_of,
};
pub use kernel::{
    Channels, ExcludedCgroups, Exclusions, Kernel, KernelError, KernelOptions, ListenerMap,
    NoWatchedName, TierRefusal, VerifierCost, WATCHED_NAMES, WatchMap, WatchedName, Watches,
};
pub use losses::{KernelLosses, KindTotals, LossReader, Totals};
pub use mounts::{MountLine, mount_lines, read_mounts};
pub use offsets::{KernelTypes, OffsetError};
pub use procfs_scan::{ScannedProcess, scan, tick_nanoseconds};
pub use program_stats::{ProgramStats, Skipped};
pub use reads::{Reader, ReadsReader};
pub use resolve::{Directories, FollowDirectory, PathSource, Resolver, own_mount_namespace};
pub use rings::{Drained, RingSizes, Rings};
pub use unrecorded::UnrecordedReader;

#[cfg(test)]
pub(crate) use decode::test_support;
