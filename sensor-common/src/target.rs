use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of the acts of one process on another: `process.signal`,
/// `memory.ptrace`, `memory.write`. No tail.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TargetRecord {
    /// Start of the other process (`CLOCK_BOOTTIME`, ns); zero when only its
    /// number is known.
    pub start_time: u64,
    /// The other process.
    pub tgid: u32,
    /// signal: its number. ptrace: `PTRACE_*`.
    pub code: u32,
    /// ptrace: the address. write: bytes.
    pub value: u64,
    /// The system call's result, where it is known.
    pub result: i32,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u32,
}
