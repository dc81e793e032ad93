/// Number of slots in a `SyscallTable`: a power of two above the highest
/// system call number of x86-64 and i386.
const SLOTS: usize = 512;

/// Defines [`SyscallAct`]: each act with its slot, the program that handles it,
/// and its numbers in the 64-bit and in the 32-bit table.
///
/// Numbers are from `arch/x86/entry/syscalls/syscall_64.tbl` and
/// `syscall_32.tbl`; they are kernel ABI and do not change.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $slot:literal, $program:literal,
        native [$($native:literal),*], compat [$($compat:literal),*];)+) => {
        /// What a system call means to the tracepoint tier. The discriminant is
        /// the slot of the program that handles it in the kernel object's
        /// program array.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum SyscallAct {
            $($(#[$doc])* $act = $slot,)+
        }

        impl SyscallAct {
            /// Every act.
            pub const ALL: &'static [Self] = &[$(Self::$act,)+];

            /// Name of the program that handles it in the kernel object.
            #[must_use]
            pub const fn program(self) -> &'static str {
                match self {
                    $(Self::$act => $program,)+
                }
            }

            /// Numbers in the 64-bit and in the 32-bit table.
            #[must_use]
            pub const fn numbers(self) -> (&'static [u16], &'static [u16]) {
                match self {
                    $(Self::$act => (&[$($native),*], &[$($compat),*]),)+
                }
            }
        }
    };
}

acts! {
    /// `open`, `creat`, `openat`, `openat2`.
    Open = 1, "exit_open", native [2, 85, 257, 437], compat [5, 8, 295, 437];
    /// `rmdir`, `unlink`, `unlinkat`.
    Unlink = 2, "exit_unlink", native [84, 87, 263], compat [10, 40, 301];
    /// `rename`, `renameat`, `renameat2`.
    Rename = 3, "exit_rename", native [82, 264, 316], compat [38, 302, 353];
    /// `chmod`, `fchmod`, `fchmodat`, `fchmodat2`.
    Chmod = 4, "exit_chmod", native [90, 91, 268, 452], compat [15, 94, 306, 452];
    /// `connect`.
    Connect = 5, "exit_connect", native [42], compat [362];
    /// `bind`.
    Bind = 6, "exit_bind", native [49], compat [361];
    /// `listen`.
    Listen = 7, "exit_listen", native [50], compat [363];
    /// `accept`, `accept4`.
    Accept = 8, "exit_accept", native [43, 288], compat [364];
    /// `link`, `linkat`.
    Link = 9, "exit_link", native [86, 265], compat [9, 303];
    /// `symlink`, `symlinkat`.
    Symlink = 10, "exit_symlink", native [88, 266], compat [83, 304];
    /// `chown`, `fchown`, `lchown`, `fchownat`.
    Chown = 11, "exit_chown", native [92, 93, 94, 260],
        compat [16, 95, 182, 198, 207, 212, 298];
    /// `setxattr`, `lsetxattr`, `fsetxattr`.
    Xattr = 12, "exit_xattr", native [188, 189, 190], compat [226, 227, 228];
    /// `truncate`, `ftruncate`.
    Truncate = 13, "exit_truncate", native [76, 77], compat [92, 93, 193, 194];
    /// `mount`, `move_mount`.
    Mount = 14, "exit_mount", native [165, 429], compat [21, 429];
    /// `umount2`.
    Unmount = 15, "exit_unmount", native [166], compat [22, 52];
    /// `mmap`, `mprotect`, `pkey_mprotect`.
    Map = 16, "exit_map", native [9, 10, 329], compat [90, 192, 125, 380];
    /// `write` and its relatives, `sendfile`, `splice`, `copy_file_range`.
    Write = 17, "exit_write", native [1, 18, 20, 40, 275, 296, 326, 328],
        compat [4, 146, 181, 187, 239, 313, 334, 377, 379];
    /// `socket`.
    Socket = 18, "exit_socket", native [41], compat [359];
    /// `dup`, `dup2`, `dup3`, `fcntl`.
    Duplicate = 19, "exit_duplicate", native [32, 33, 72, 292], compat [41, 55, 63, 221, 330];
    /// The `setuid` and `setgid` families, `capset`.
    Credentials = 20, "exit_credentials",
        native [105, 106, 113, 114, 116, 117, 119, 122, 123, 126],
        compat [23, 46, 70, 71, 81, 138, 139, 164, 170, 185, 203, 204, 206, 208, 210, 213, 214,
            215, 216];
    /// `unshare`, `setns`.
    Namespace = 21, "exit_namespace", native [272, 308], compat [310, 346];
    /// `add_key`, `request_key`, `keyctl`.
    Key = 22, "exit_key", native [248, 249, 250], compat [286, 287, 288];
    /// `memfd_create`, `memfd_secret`.
    Memfd = 23, "exit_memfd", native [319, 447], compat [356, 447];
    /// `ptrace`.
    Ptrace = 24, "exit_ptrace", native [101], compat [26];
    /// `process_vm_writev`.
    RemoteWrite = 25, "exit_remote_write", native [311], compat [348];
    /// `userfaultfd`.
    Userfault = 26, "exit_userfault", native [323], compat [374];
    /// `bpf`.
    Bpf = 27, "exit_bpf", native [321], compat [357];
    /// `perf_event_open`.
    Perf = 28, "exit_perf", native [298], compat [336];
    /// `kexec_load`, `kexec_file_load`.
    Kexec = 29, "exit_kexec", native [246, 320], compat [283];
    /// `prctl`.
    Prctl = 30, "exit_prctl", native [157], compat [172];
    /// `setsid`.
    Session = 31, "exit_session", native [112], compat [66];
    /// `socketcall`: the 32-bit door to all of the socket calls.
    SocketCall = 32, "exit_socketcall", native [], compat [102];
    /// `utime`, `utimes`, `futimesat`, `utimensat`.
    Times = 33, "exit_times", native [132, 235, 261, 280], compat [30, 271, 299, 320, 412];
}

/// What each system call number means: slots of [`SyscallAct`], zero for no
/// interest.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SyscallTable {
    /// Low byte: act of the 64-bit table. High byte: act of the 32-bit table.
    pub acts: [u16; SLOTS],
}

impl SyscallTable {
    /// Number of slots.
    pub const SLOTS: usize = SLOTS;

    /// The table that sends the calls of these acts, and no others, to their
    /// programs.
    #[must_use]
    pub const fn x86_64(wanted: &[SyscallAct]) -> Self {
        let mut acts = [0u16; SLOTS];
        let mut index = 0;
        while index < wanted.len() {
            let act = wanted[index];
            let (native, compat) = act.numbers();
            let mut number = 0;
            while number < native.len() {
                acts[native[number] as usize] |= act as u16;
                number += 1;
            }
            let mut number = 0;
            while number < compat.len() {
                acts[compat[number] as usize] |= (act as u16) << 8;
                number += 1;
            }
            index += 1;
        }
        Self { acts }
    }
}
