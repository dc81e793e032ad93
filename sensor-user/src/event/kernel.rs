/// A kernel module that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name.
    pub name: &'a [u8],
}

/// An eBPF program or map that was made or attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bpf<'a> {
    /// `BPF_*` command of `bpf(2)`.
    pub command: u64,
    /// Type of the program or map, where the command has one.
    pub object_type: Option<u64>,
    /// Name of the program or map; may be empty.
    pub name: &'a [u8],
    /// Descriptor, or a negative error; `None` when the hook runs before the
    /// act.
    pub result: Option<i32>,
}

/// A performance event that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perf {
    /// `PERF_TYPE_*`, or the number of a dynamic one; where it is known.
    pub event_type: Option<u64>,
    /// What to count, by type.
    pub config: u64,
    /// Process asked for: 0 for the caller, -1 for all; `None` when the hook
    /// runs before the act, which does not have it.
    pub pid: Option<i32>,
    /// CPU asked for: -1 for all; likewise.
    pub cpu: Option<i32>,
    /// Descriptor, or a negative error; `None` when the hook runs before the
    /// act.
    pub result: Option<i32>,
}

/// Another kernel that was loaded, to be started in place of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kexec {
    /// `KEXEC_*`.
    pub flags: u64,
    /// Loaded from a file (`kexec_file_load`), so that the kernel could check
    /// its signature.
    pub from_file: bool,
    /// Zero or a negative error; `None` when the hook runs before the act.
    pub result: Option<i32>,
}

/// An `io_uring` that was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUring {
    /// Submission entries asked for.
    pub entries: u64,
    /// Completion entries asked for; zero for the kernel's choice.
    pub completions: u64,
    /// `IORING_SETUP_*`.
    pub flags: u64,
    /// Descriptor, or a negative error; `None` when the hook runs before the
    /// act.
    pub result: Option<i32>,
}

/// An operation that was submitted through `io_uring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUringWork {
    /// `IORING_OP_*`.
    pub operation: u64,
}

/// A change of the audit system's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// `AUDIT_*` message type.
    pub message: u64,
    /// `AUDIT_STATUS_*` bits: what [`Audit::AUDIT_SET`] changes.
    pub mask: u64,
    /// The new state, when the mask has [`Audit::STATUS_ENABLED`].
    pub enabled: u64,
}

impl Audit {
    /// The message that changes the status (`include/uapi/linux/audit.h`).
    pub const AUDIT_SET: u64 = 1001;
    /// Bit of the mask: auditing is switched on or off.
    pub const STATUS_ENABLED: u64 = 1;
}
