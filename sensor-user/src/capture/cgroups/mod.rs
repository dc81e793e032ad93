//! Cgroups by id: containers are told apart by the paths of theirs.

mod find;
mod hierarchy;
mod pause;
mod scan;

pub use find::{CgroupFinder, FindCgroup, FoundCgroup};
pub use hierarchy::CgroupHierarchy;
pub use pause::Pausing;
pub use scan::{ScannedCgroup, scan_cgroups};
