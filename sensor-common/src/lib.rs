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

mod counters;
mod file;
mod header;
mod kind;
pub mod limits;
mod network;
mod offsets;
mod process;
mod syscall;

#[cfg(test)]
mod layout;

pub use counters::{KindCounters, Ring};
pub use file::FileRecord;
pub use header::{RecordHeader, flags};
pub use kind::RecordKind;
pub use network::NetworkRecord;
pub use offsets::Offsets;
pub use process::{ExecRecord, ExitRecord, ForkRecord, StdioKind, exe_flags};
pub use syscall::{SyscallAct, SyscallTable};
