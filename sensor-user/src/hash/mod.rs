//! SHA-256 of executables, off the way from ring to verdict: a thread of its
//! own reads the files, of which each is read once while it stays as it is.
//!
//! A hash is only given when what was read is what was run. The file is found
//! through the process or by its path, must be the one that the record of the
//! exec names (device, inode, last change), and must not change while it is
//! read. [`Certainty`] says when that is so. Root can always deceive, by the
//! clock or by a file system made for it.

mod cache;
mod certainty;
mod file_system;
mod hasher;
mod locate;
mod outcome;
mod read;
#[cfg(test)]
mod test_support;
mod worker;

pub use certainty::Certainty;
pub use hasher::{HashCounts, Hasher};
pub use outcome::{Executed, Hashed, NoHash};
