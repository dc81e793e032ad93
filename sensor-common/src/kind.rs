use crate::Ring;

/// What a record tells. The discriminant is the tag on the wire.
///
/// Tags are never reused: a reader that does not know one skips the record by
/// its length and counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RecordKind {
    /// A new process (not a thread) exists.
    ProcessFork = 0,
    /// A process runs a new program.
    ProcessExec = 1,
    /// The last thread of a process ended.
    ProcessExit = 2,
    /// A file was opened for writing, or created, or is one whose reading is
    /// watched.
    FileOpen = 3,
    /// A name was removed.
    FileUnlink = 4,
    /// A name was moved.
    FileRename = 5,
    /// Permission bits were changed.
    FileChmod = 6,
    /// A socket was connected, or the attempt failed.
    NetworkConnect = 7,
    /// A socket got a local address.
    NetworkBind = 8,
    /// A socket accepts connections from now on.
    NetworkListen = 9,
    /// A connection was accepted.
    NetworkAccept = 10,
    /// A process sent a signal to another.
    ProcessSignal = 11,
    /// A thread gave itself another name.
    ProcessRename = 12,
    /// A process moved the place of its arguments: `ps` shows others now.
    ProcessArguments = 13,
    /// A process began a session of its own: it is on its way to a daemon.
    ProcessSession = 14,
    /// A file got a second name.
    FileLink = 15,
    /// A symbolic link was made.
    FileSymlink = 16,
    /// A file got another owner or group.
    FileChown = 17,
    /// An extended attribute was set: file capabilities are one.
    FileXattr = 18,
    /// A file was cut or stretched by name.
    FileTruncate = 19,
    /// A file system was mounted, or a mount moved.
    FileMount = 20,
    /// A mount was removed.
    FileUnmount = 21,
    /// A watched file was written to.
    FileWrite = 22,
    /// A file was mapped shared and writable.
    FileMap = 23,
    /// A datagram went to a peer that the process had not sent to before.
    NetworkSend = 24,
    /// A raw or packet socket was made.
    NetworkSocket = 25,
    /// A DNS question was sent.
    NetworkDns = 26,
    /// A standard stream became a socket.
    NetworkStdio = 27,
    /// A thread has other users, groups or capabilities.
    CredentialsChange = 28,
    /// A process entered or made namespaces.
    CredentialsNamespace = 29,
    /// A key or keyring of the kernel was worked on.
    CredentialsKey = 30,
    /// A file that lies in memory only was made.
    MemoryMemfd = 31,
    /// A process traces another, or wrote to its memory or registers.
    MemoryPtrace = 32,
    /// A process wrote into another's memory (`process_vm_writev`).
    MemoryWrite = 33,
    /// A process's memory was opened for writing (`/proc/PID/mem`).
    MemoryProcess = 34,
    /// Memory became writable and executable at once.
    MemoryExecutable = 35,
    /// A process handles its own page faults.
    MemoryUserfault = 36,
    /// A kernel module was loaded.
    KernelModule = 37,
    /// An eBPF program or map was made, or attached.
    KernelBpf = 38,
    /// A performance event was opened.
    KernelPerf = 39,
    /// Another kernel was loaded, to be started in place of this one.
    KernelKexec = 40,
    /// An io_uring was set up.
    KernelIoUring = 41,
    /// An operation was submitted through io_uring, of which nothing but its
    /// code is known.
    KernelIoUringWork = 42,
    /// A kernel or security module setting was opened for writing.
    KernelSetting = 43,
    /// Raw memory, ports or a disk were opened.
    KernelDevice = 44,
    /// The audit system's configuration was changed.
    KernelAudit = 45,
    /// A cgroup was made.
    CgroupCreate = 46,
    /// The times of a file were set, to others than now.
    FileTimes = 47,
}

impl RecordKind {
    /// Every kind, in tag order.
    pub const ALL: [Self; 48] = [
        Self::ProcessFork,
        Self::ProcessExec,
        Self::ProcessExit,
        Self::FileOpen,
        Self::FileUnlink,
        Self::FileRename,
        Self::FileChmod,
        Self::NetworkConnect,
        Self::NetworkBind,
        Self::NetworkListen,
        Self::NetworkAccept,
        Self::ProcessSignal,
        Self::ProcessRename,
        Self::ProcessArguments,
        Self::ProcessSession,
        Self::FileLink,
        Self::FileSymlink,
        Self::FileChown,
        Self::FileXattr,
        Self::FileTruncate,
        Self::FileMount,
        Self::FileUnmount,
        Self::FileWrite,
        Self::FileMap,
        Self::NetworkSend,
        Self::NetworkSocket,
        Self::NetworkDns,
        Self::NetworkStdio,
        Self::CredentialsChange,
        Self::CredentialsNamespace,
        Self::CredentialsKey,
        Self::MemoryMemfd,
        Self::MemoryPtrace,
        Self::MemoryWrite,
        Self::MemoryProcess,
        Self::MemoryExecutable,
        Self::MemoryUserfault,
        Self::KernelModule,
        Self::KernelBpf,
        Self::KernelPerf,
        Self::KernelKexec,
        Self::KernelIoUring,
        Self::KernelIoUringWork,
        Self::KernelSetting,
        Self::KernelDevice,
        Self::KernelAudit,
        Self::CgroupCreate,
        Self::FileTimes,
    ];

    /// Number of kinds; the counter map has one slot for each.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind with this tag, or `None` for a tag of a newer producer.
    #[must_use]
    pub const fn from_tag(tag: u16) -> Option<Self> {
        if (tag as usize) < Self::COUNT {
            Some(Self::ALL[tag as usize])
        } else {
            None
        }
    }

    /// The tag on the wire.
    #[must_use]
    pub const fn tag(self) -> u16 {
        self as u16
    }

    /// The name in outputs, `domain.act`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProcessFork => "process.fork",
            Self::ProcessExec => "process.exec",
            Self::ProcessExit => "process.exit",
            Self::FileOpen => "file.open",
            Self::FileUnlink => "file.unlink",
            Self::FileRename => "file.rename",
            Self::FileChmod => "file.chmod",
            Self::NetworkConnect => "network.connect",
            Self::NetworkBind => "network.bind",
            Self::NetworkListen => "network.listen",
            Self::NetworkAccept => "network.accept",
            Self::ProcessSignal => "process.signal",
            Self::ProcessRename => "process.rename",
            Self::ProcessArguments => "process.arguments",
            Self::ProcessSession => "process.session",
            Self::FileLink => "file.link",
            Self::FileSymlink => "file.symlink",
            Self::FileChown => "file.chown",
            Self::FileXattr => "file.setxattr",
            Self::FileTruncate => "file.truncate",
            Self::FileMount => "file.mount",
            Self::FileUnmount => "file.unmount",
            Self::FileWrite => "file.write",
            Self::FileMap => "file.map",
            Self::NetworkSend => "network.send",
            Self::NetworkSocket => "network.socket",
            Self::NetworkDns => "network.dns",
            Self::NetworkStdio => "network.stdio",
            Self::CredentialsChange => "credentials.change",
            Self::CredentialsNamespace => "credentials.namespace",
            Self::CredentialsKey => "credentials.key",
            Self::MemoryMemfd => "memory.memfd",
            Self::MemoryPtrace => "memory.ptrace",
            Self::MemoryWrite => "memory.write",
            Self::MemoryProcess => "memory.process",
            Self::MemoryExecutable => "memory.executable",
            Self::MemoryUserfault => "memory.userfault",
            Self::KernelModule => "kernel.module",
            Self::KernelBpf => "kernel.bpf",
            Self::KernelPerf => "kernel.perf",
            Self::KernelKexec => "kernel.kexec",
            Self::KernelIoUring => "kernel.io_uring",
            Self::KernelIoUringWork => "kernel.io_uring_work",
            Self::KernelSetting => "kernel.setting",
            Self::KernelDevice => "kernel.device",
            Self::KernelAudit => "kernel.audit",
            Self::CgroupCreate => "cgroup.create",
            Self::FileTimes => "file.times",
        }
    }

    /// The ring that carries this kind: acts that are rare by nature, and that
    /// must never drop, have the critical one.
    #[must_use]
    pub const fn ring(self) -> Ring {
        match self {
            Self::ProcessFork
            | Self::ProcessExec
            | Self::ProcessExit
            | Self::FileMount
            | Self::FileUnmount
            | Self::NetworkSocket
            | Self::NetworkStdio
            | Self::CredentialsChange
            | Self::CredentialsNamespace
            | Self::MemoryPtrace
            | Self::MemoryWrite
            | Self::MemoryProcess
            | Self::KernelModule
            | Self::KernelBpf
            | Self::KernelKexec
            | Self::KernelIoUring
            | Self::KernelSetting
            | Self::KernelDevice
            | Self::KernelAudit
            | Self::CgroupCreate => Ring::Critical,
            Self::FileOpen
            | Self::FileUnlink
            | Self::FileRename
            | Self::FileChmod
            | Self::NetworkConnect
            | Self::NetworkBind
            | Self::NetworkListen
            | Self::NetworkAccept
            | Self::ProcessSignal
            | Self::ProcessRename
            | Self::ProcessArguments
            | Self::ProcessSession
            | Self::FileLink
            | Self::FileSymlink
            | Self::FileChown
            | Self::FileXattr
            | Self::FileTruncate
            | Self::FileWrite
            | Self::FileMap
            | Self::FileTimes
            | Self::NetworkSend
            | Self::NetworkDns
            | Self::CredentialsKey
            | Self::MemoryMemfd
            | Self::MemoryExecutable
            | Self::MemoryUserfault
            | Self::KernelPerf
            | Self::KernelIoUringWork => Ring::Bulk,
        }
    }
}
