//! The wire format between the kernel programs and the agent.
//!
//! A record is a [`RecordHeader`], a fixed part whose type follows from
//! [`RecordKind`], and a tail of bytes whose parts are measured by the length
//! fields of the fixed part. Everything is in host byte order: producer and
//! consumer share a machine.
//!
//! The layout is tested in this crate (`layout` tests); the agent's decoder
//! never trusts a length or a tag it reads.
#![no_std]

mod abi;
mod cgroup;
mod counters;
mod credentials;
mod exclude;
mod file;
mod header;
mod kind;
pub mod limits;
mod network;
mod offsets;
mod process;
mod readable;
mod reads;
mod repeat;
mod rest;
mod self_test;
mod syscall;
mod target;
mod unrecorded;
mod value;
mod watch;
mod watched_name;

#[cfg(test)]
mod layout;

/// Multiplier of Fibonacci hashing: 2⁶⁴ over the golden ratio.
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

pub use abi::{STRUCTURES, StructureLayout};
pub use cgroup::CgroupRecord;
pub use counters::{KindCounters, Ring};
pub use credentials::{CredentialRecord, CredentialSet, NamespaceRecord};
pub use exclude::{EXCLUDED_CGROUPS_MAX, EXCLUDED_PATH_BYTES, EXCLUDED_PATHS_MAX, exclusions};
pub use file::{FileRecord, time_flags};
pub use header::{FixedPart, RecordHeader, flags};
pub use kind::RecordKind;
pub use network::{LISTENERS_MAX, NetworkRecord, listener_key};
pub use offsets::{OffsetSource, Offsets};
pub use process::{ExecRecord, ExitRecord, ForkRecord, StdioKind, exe_flags};
pub use readable::READABLE_CAST;
pub use reads::{READERS_MAX, ReadCounts};
pub use repeat::{REPEATS_RECORDED, REPEATS_RECORDED_UNDER_PRESSURE};
pub use rest::Rest;
pub use self_test::{SELF_TEST_PATH_MAX, SelfTestAnswer, SelfTestRequest};
pub use syscall::{SyscallAct, SyscallTable};
pub use target::TargetRecord;
pub use unrecorded::{UNRECORDED_KINDS, UNRECORDED_MAX, UnrecordedCounts, UnrecordedKey};
pub use value::ValueRecord;
pub use watch::{WATCH_FILTER_BITS, WATCHED_MAX, WatchKey, watch_flags, watched_by};
pub use watched_name::{
    NAME_FILTER_BITS, NAME_FILTER_WORDS, PROCESS_DIRECTORY, Role, WATCHED_NAME_BYTES,
    WATCHED_NAMES_MAX, WatchedNameKey, first_word,
};
