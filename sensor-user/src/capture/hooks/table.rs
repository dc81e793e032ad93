//! The hook table.

use sensor_common::{RecordKind, SyscallAct as Act};

use super::point::{
    Need, Point, Required, compat, native, security, security_if_present, syscall, tracepoint,
};

/// One group of kernel programs: the acts it sees, and how in each tier.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Kinds of record it makes; empty for a dispatcher.
    pub kinds: &'static [RecordKind],
    /// What nobody sees when it is missing.
    pub unseen: &'static str,
    /// Where it is attached in the LSM and fentry tiers; empty when these tiers
    /// do not need it.
    pub trampoline: &'static [Required],
    /// Where instead, on a kernel that has none of these.
    pub otherwise: &'static [Required],
    /// Where it is attached in the tracepoint tier; empty when that tier cannot
    /// see the act.
    pub tracepoint: &'static [Required],
    /// What the LSM and fentry tiers cannot tell about the acts; empty for
    /// nothing.
    pub trampoline_limits: &'static str,
    /// The same for the tracepoint tier.
    pub tracepoint_limits: &'static str,
    /// When it is wanted.
    pub when: When,
}

/// When a hook is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where the kernel can load modules.
    KernelHasModules,
    /// When the policy names files whose writing is watched: it costs something
    /// at every read and write of the machine.
    WritesAreWatched,
    /// In the tracepoint tier only: the others see the work itself.
    SystemCallsAreSeen,
}

const NOTHING: Hook = Hook {
    kinds: &[],
    unseen: "",
    trampoline: &[],
    otherwise: &[],
    tracepoint: &[],
    trampoline_limits: "",
    tracepoint_limits: "",
    when: When::Always,
};

/// What an act before its outcome cannot tell.
const ATTEMPTS: &str = "seen before the act: what came of it is not told";
const ARGUMENT_PATHS: &str = "by path: the path is the caller's argument, read when the call \
     returns, and a thread that rewrites it meanwhile can name another file; acts that failed are \
     not seen";
const WORK_THROUGH_IO_URING: &str =
    "through io_uring: that it was submitted is told by its code alone";

/// Every group of programs. Handlers of system calls come before the hook that
/// calls them.
pub const HOOKS: &[Hook] = &[
    everywhere(
        &[RecordKind::ProcessFork],
        "new processes before their first exec",
        &[tracepoint(&["task_newtask"])],
    ),
    everywhere(
        &[RecordKind::ProcessExit],
        "ends of processes and their status",
        &[tracepoint(&["sched_process_exit"])],
    ),
    everywhere(
        &[RecordKind::ProcessExec],
        "programs that are run",
        &[tracepoint(&["sched_process_exec"])],
    ),
    Hook {
        kinds: &[RecordKind::ProcessSignal],
        unseen: "signals that processes send to each other",
        trampoline: &[security("task_kill")],
        tracepoint: &[tracepoint(&["signal_generate"])],
        trampoline_limits: ATTEMPTS,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::ProcessRename, RecordKind::ProcessArguments],
        unseen: "processes that give themselves another name or other arguments",
        trampoline: &[native!("prctl"), compat!("prctl")],
        tracepoint: &[syscall(Act::Prctl)],
        trampoline_limits: "arguments overwritten in place pass no hook",
        tracepoint_limits: "arguments overwritten in place pass no hook",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::ProcessSession],
        unseen: "processes that leave their session",
        trampoline: &[(
            Point::Exit {
                program: "fexit_setsid",
                function: "ksys_setsid",
            },
            Need::Always,
        )],
        tracepoint: &[syscall(Act::Session)],
        ..NOTHING
    },
    Hook {
        kinds: &[
            RecordKind::FileOpen,
            RecordKind::MemoryProcess,
            RecordKind::KernelSetting,
            RecordKind::KernelDevice,
        ],
        unseen: "files opened for writing, creations, reads of watched files, doors to memory, \
                 settings and devices",
        trampoline: &[security("file_open")],
        tracepoint: &[syscall(Act::Open)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "through io_uring: a door to memory, settings or devices is an open \
                            like any other",
        ..NOTHING
    },
    by_path(
        &[RecordKind::FileUnlink],
        "removed names",
        &[security("path_unlink"), security("path_rmdir")],
        &[syscall(Act::Unlink)],
    ),
    by_path(
        &[RecordKind::FileRename],
        "moved names",
        &[security("path_rename")],
        &[syscall(Act::Rename)],
    ),
    by_path(
        &[RecordKind::FileLink],
        "second names of files",
        &[security("path_link")],
        &[syscall(Act::Link)],
    ),
    by_path(
        &[RecordKind::FileSymlink],
        "symbolic links",
        &[security("path_symlink")],
        &[syscall(Act::Symlink)],
    ),
    by_path(
        &[RecordKind::FileChmod],
        "changed permission bits",
        &[security("path_chmod")],
        &[syscall(Act::Chmod)],
    ),
    Hook {
        otherwise: &[(
            Point::Entry {
                program: "fentry_chown_common",
                function: "chown_common",
            },
            Need::Always,
        )],
        ..by_path(
            &[RecordKind::FileChown],
            "changed owners",
            &[security("path_chown")],
            &[syscall(Act::Chown)],
        )
    },
    Hook {
        kinds: &[RecordKind::FileXattr],
        unseen: "extended attributes, file capabilities among them",
        trampoline: &[security("inode_setxattr")],
        tracepoint: &[syscall(Act::Xattr)],
        trampoline_limits: "seen before the act; the path starts at the file system's root where \
                            the caller works on another file system",
        tracepoint_limits: ARGUMENT_PATHS,
        ..NOTHING
    },
    by_path(
        &[RecordKind::FileTruncate],
        "files cut by name",
        &[
            security("path_truncate"),
            security_if_present("file_truncate"),
        ],
        &[syscall(Act::Truncate)],
    ),
    by_path(
        &[RecordKind::FileMount],
        "mounts",
        &[security("sb_mount"), security("move_mount")],
        &[syscall(Act::Mount)],
    ),
    by_path(
        &[RecordKind::FileUnmount],
        "removed mounts",
        &[security("sb_umount")],
        &[syscall(Act::Unmount)],
    ),
    Hook {
        kinds: &[RecordKind::FileWrite],
        unseen: "writes to watched files",
        trampoline: &[security("file_permission")],
        tracepoint: &[syscall(Act::Write)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "through io_uring or a mapping: not seen, but the open for writing was",
        when: When::WritesAreWatched,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryExecutable, RecordKind::FileMap],
        unseen: "memory that is writable and executable, files mapped shared and writable",
        trampoline: &[security("mmap_file"), security("file_mprotect")],
        tracepoint: &[syscall(Act::Map)],
        trampoline_limits: "seen before the act: a new mapping's place and length are not told",
        tracepoint_limits: "a shared mapping that mprotect makes writable is not told; the oldest \
                            of the 32-bit calls, mmap with a structure, is not seen",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkConnect],
        unseen: "connections made",
        trampoline: &[security("socket_connect"), security("unix_stream_connect")],
        tracepoint: &[syscall(Act::Connect)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: "the address of a failed call is the caller's argument",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkBind],
        unseen: "local addresses taken",
        trampoline: &[security("socket_bind")],
        tracepoint: &[syscall(Act::Bind)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: WORK_THROUGH_IO_URING,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkListen],
        unseen: "sockets that begin to listen",
        trampoline: &[security("socket_listen")],
        tracepoint: &[syscall(Act::Listen)],
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: WORK_THROUGH_IO_URING,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkAccept],
        unseen: "connections accepted",
        trampoline: &[(
            Point::Exit {
                program: "fexit_do_accept",
                function: "do_accept",
            },
            Need::Always,
        )],
        trampoline_limits: "the new descriptor's number is not told",
        tracepoint: &[syscall(Act::Accept)],
        tracepoint_limits: WORK_THROUGH_IO_URING,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::NetworkSocket],
        unseen: "raw and packet sockets",
        trampoline: &[security("socket_post_create")],
        tracepoint: &[syscall(Act::Socket)],
        tracepoint_limits: WORK_THROUGH_IO_URING,
        ..NOTHING
    },
    Hook {
        kinds: &[],
        unseen: "network acts of 32-bit programs through socketcall",
        tracepoint: &[syscall(Act::SocketCall)],
        when: When::SystemCallsAreSeen,
        ..NOTHING
    },
    everywhere(
        &[RecordKind::NetworkSend, RecordKind::NetworkDns],
        "datagrams to new peers, DNS questions",
        &[tracepoint(&["net_dev_queue"])],
    ),
    Hook {
        kinds: &[RecordKind::NetworkStdio],
        unseen: "standard streams that become sockets",
        trampoline: &[
            native!("dup"),
            native!("dup2"),
            native!("dup3"),
            native!("fcntl"),
            compat!("dup"),
            compat!("dup2"),
            compat!("dup3"),
            compat!("fcntl64", own),
        ],
        tracepoint: &[syscall(Act::Duplicate)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::CredentialsChange],
        unseen: "changed users, groups and capabilities",
        trampoline: &[(
            Point::Entry {
                program: "fentry_commit_creds",
                function: "commit_creds",
            },
            Need::Always,
        )],
        tracepoint: &[syscall(Act::Credentials)],
        tracepoint_limits: "credentials changed by other ways than a system call show in the next \
                            record of the process",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::CredentialsNamespace],
        unseen: "processes that change their namespaces",
        trampoline: &[
            native!("unshare"),
            native!("setns"),
            compat!("unshare"),
            compat!("setns"),
        ],
        tracepoint: &[syscall(Act::Namespace)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::CredentialsKey],
        unseen: "work on the kernel's keyrings",
        trampoline: &[
            native!("add_key"),
            native!("request_key"),
            native!("keyctl"),
            compat!("add_key"),
            compat!("request_key"),
            compat!("keyctl", own),
        ],
        tracepoint: &[syscall(Act::Key)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryMemfd],
        unseen: "files that lie in memory only",
        trampoline: &[
            native!("memfd_create"),
            native!("memfd_secret", if present),
            compat!("memfd_create"),
            compat!("memfd_secret"),
        ],
        tracepoint: &[syscall(Act::Memfd)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryPtrace],
        unseen: "processes that trace others or write to their memory",
        trampoline: &[native!("ptrace"), compat!("ptrace", own)],
        tracepoint: &[syscall(Act::Ptrace)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryWrite],
        unseen: "process_vm_writev into other processes",
        trampoline: &[native!("process_vm_writev"), compat!("process_vm_writev")],
        tracepoint: &[syscall(Act::RemoteWrite)],
        trampoline_limits: "the other process is the number that the caller gave",
        tracepoint_limits: "the other process is the number that the caller gave",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::MemoryUserfault],
        unseen: "processes that handle their own page faults",
        trampoline: &[native!("userfaultfd"), compat!("userfaultfd")],
        tracepoint: &[syscall(Act::Userfault)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelModule],
        unseen: "kernel modules that are loaded",
        trampoline: &[tracepoint(&["module_load"])],
        tracepoint: &[tracepoint(&["module_load"])],
        when: When::KernelHasModules,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelBpf],
        unseen: "eBPF programs and maps of others",
        trampoline: &[native!("bpf"), compat!("bpf")],
        tracepoint: &[syscall(Act::Bpf)],
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelPerf],
        unseen: "performance events",
        trampoline: &[
            native!("perf_event_open", if present),
            compat!("perf_event_open"),
        ],
        otherwise: &[security("perf_event_open")],
        tracepoint: &[syscall(Act::Perf)],
        trampoline_limits: "on 5.10: seen before the act, without its process and CPU",
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelKexec],
        unseen: "other kernels that are loaded to be started",
        trampoline: &[
            native!("kexec_load"),
            native!("kexec_file_load", if present),
            compat!("kexec_load", own),
        ],
        tracepoint: &[syscall(Act::Kexec)],
        ..NOTHING
    },
    everywhere(
        &[RecordKind::KernelIoUring],
        "io_urings that are set up",
        &[tracepoint(&["io_uring_create"])],
    ),
    Hook {
        kinds: &[RecordKind::KernelIoUringWork],
        unseen: "file and network work done through io_uring",
        tracepoint: &[(
            Point::Tracepoint {
                program: "io_uring_submit",
                names: &["io_uring_submit_req", "io_uring_submit_sqe"],
            },
            Need::Always,
        )],
        tracepoint_limits: "opens, unlinks, renames and connects are records of their own kind, \
                            with the kernel's copy of the name; reads and writes are not recorded",
        when: When::SystemCallsAreSeen,
        ..NOTHING
    },
    Hook {
        kinds: &[RecordKind::KernelAudit],
        unseen: "changes of the audit system's configuration",
        trampoline: &[security("netlink_send")],
        tracepoint_limits: "the message is gone when the system call returns",
        trampoline_limits: ATTEMPTS,
        ..NOTHING
    },
    everywhere(
        &[RecordKind::CgroupCreate],
        "containers that are made from now on",
        &[tracepoint(&["cgroup_mkdir"])],
    ),
    Hook {
        kinds: &[],
        unseen: "everything that is seen at system call exit",
        tracepoint: &[tracepoint(&["sys_exit"])],
        when: When::SystemCallsAreSeen,
        ..NOTHING
    },
];

/// A hook that is the same in every tier.
const fn everywhere(
    kinds: &'static [RecordKind],
    unseen: &'static str,
    points: &'static [Required],
) -> Hook {
    Hook {
        kinds,
        unseen,
        trampoline: points,
        tracepoint: points,
        ..NOTHING
    }
}

/// A hook on an act by path, for which the tracepoint tier has no kernel object.
const fn by_path(
    kinds: &'static [RecordKind],
    unseen: &'static str,
    trampoline: &'static [Required],
    tracepoint: &'static [Required],
) -> Hook {
    Hook {
        kinds,
        unseen,
        trampoline,
        tracepoint,
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: ARGUMENT_PATHS,
        ..NOTHING
    }
}
