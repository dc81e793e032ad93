//! From the kernel's rings to typed events. The only room that parses kernel
//! bytes.

mod clock;
mod decode;
mod hooks;
mod kernel;
mod losses;
mod offsets;
mod procfs_scan;
mod program_stats;
mod resolve;
mod rings;

pub use clock::{BootTime, WallClock};
pub use decode::{DecodeError, decode};
pub use hooks::{Attachment, HOOKS, Hook, HookReport, HookStatus};
pub use kernel::{Kernel, KernelError, KernelOptions};
pub use losses::{KindTotals, LossReader, Totals};
pub use offsets::{KernelTypes, OffsetError};
pub use procfs_scan::{ScannedProcess, scan, tick_nanoseconds};
pub use program_stats::{ProgramStats, program_stats};
pub use resolve::{PathSource, Resolver};
pub use rings::{RingSizes, Rings};
