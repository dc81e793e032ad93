/// What a system call means to the tracepoint tier. The discriminant is the
/// slot of the program that handles it in the kernel object's program array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SyscallAct {
    /// `open`, `openat`, `openat2`, `creat`.
    Open = 1,
    /// `unlink`, `unlinkat`, `rmdir`.
    Unlink = 2,
    /// `rename`, `renameat`, `renameat2`.
    Rename = 3,
    /// `chmod`, `fchmod`, `fchmodat`, `fchmodat2`.
    Chmod = 4,
    /// `connect`.
    Connect = 5,
    /// `bind`.
    Bind = 6,
    /// `listen`.
    Listen = 7,
    /// `accept`, `accept4`.
    Accept = 8,
}

impl SyscallAct {
    /// Every act.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Unlink,
        Self::Rename,
        Self::Chmod,
        Self::Connect,
        Self::Bind,
        Self::Listen,
        Self::Accept,
    ];

    /// Name of the program that handles it in the kernel object.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Open => "exit_open",
            Self::Unlink => "exit_unlink",
            Self::Rename => "exit_rename",
            Self::Chmod => "exit_chmod",
            Self::Connect => "exit_connect",
            Self::Bind => "exit_bind",
            Self::Listen => "exit_listen",
            Self::Accept => "exit_accept",
        }
    }
}

/// Number of slots in a `SyscallTable`: a power of two above the highest
/// system call number of x86-64 and i386.
const SLOTS: usize = 512;

/// What each system call number means: `[native, compat]` slots of
/// [`SyscallAct`], zero for no interest.
///
/// Numbers are from `arch/x86/entry/syscalls/syscall_64.tbl` and
/// `syscall_32.tbl`; they are kernel ABI and do not change.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SyscallTable {
    /// Low byte: act of the 64-bit table. High byte: act of the 32-bit table.
    pub acts: [u16; SLOTS],
}

impl SyscallTable {
    /// Number of slots.
    pub const SLOTS: usize = SLOTS;

    /// The table of x86-64.
    pub const X86_64: Self = {
        use SyscallAct::{Accept, Bind, Chmod, Connect, Listen, Open, Rename, Unlink};
        let mut acts = [0u16; SLOTS];
        let native = [
            (2, Open),
            (85, Open),
            (257, Open),
            (437, Open),
            (84, Unlink),
            (87, Unlink),
            (263, Unlink),
            (82, Rename),
            (264, Rename),
            (316, Rename),
            (90, Chmod),
            (91, Chmod),
            (268, Chmod),
            (452, Chmod),
            (42, Connect),
            (49, Bind),
            (50, Listen),
            (43, Accept),
            (288, Accept),
        ];
        let compat = [
            (5, Open),
            (8, Open),
            (295, Open),
            (437, Open),
            (10, Unlink),
            (40, Unlink),
            (301, Unlink),
            (38, Rename),
            (302, Rename),
            (353, Rename),
            (15, Chmod),
            (94, Chmod),
            (306, Chmod),
            (452, Chmod),
            (361, Bind),
            (362, Connect),
            (363, Listen),
            (364, Accept),
        ];
        let mut i = 0;
        while i < native.len() {
            acts[native[i].0] |= native[i].1 as u16;
            i += 1;
        }
        let mut i = 0;
        while i < compat.len() {
            acts[compat[i].0] |= (compat[i].1 as u16) << 8;
            i += 1;
        }
        Self { acts }
    };
}
