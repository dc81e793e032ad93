use sensor_common::RecordKind;

use super::{
    ArgumentsMove, Audit, Bpf, CgroupCreate, Chmod, Chown, CredentialChange, Device, Dns, Exec,
    ExecutableMemory, Exit, FileMap, FileSubject, Fork, IoUring, IoUringWork, Kexec, KeyUse, Link,
    Memfd, Module, Mount, NamespaceChange, Open, Perf, ProcessMemory, Ptrace, RecordPath,
    RemoteWrite, Rename, Session, SetAttribute, SetTimes, Setting, Signal, Socket, Stdio, Symlink,
    ThreadName, Truncate, Unlink, Unmount, Userfault, Write,
};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act<'a> {
    /// A new process exists.
    Fork(Fork),
    /// A program is run.
    Exec(Exec<'a>),
    /// The process ended.
    Exit(Exit),
    /// A file was opened for writing, or created, or is one whose reading is
    /// watched.
    Open(Open<'a>),
    /// A name was removed.
    Unlink(Unlink<'a>),
    /// A name was moved.
    Rename(Rename<'a>),
    /// Permission bits were changed.
    Chmod(Chmod<'a>),
    /// Times of a file were set.
    SetTimes(SetTimes<'a>),
    /// A connection was attempted.
    Connect(Socket<'a>),
    /// A local address was taken.
    Bind(Socket<'a>),
    /// A socket listens.
    Listen(Socket<'a>),
    /// A connection was accepted.
    Accept(Socket<'a>),
    /// A signal was sent.
    Signal(Signal),
    /// A thread gave itself another name.
    ThreadName(ThreadName<'a>),
    /// The place of the arguments was moved.
    ArgumentsMove(ArgumentsMove),
    /// A session was begun.
    Session(Session),
    /// A file got a second name.
    Link(Link<'a>),
    /// A symbolic link was made.
    Symlink(Symlink<'a>),
    /// A file got another owner or group.
    Chown(Chown<'a>),
    /// An extended attribute was set.
    SetAttribute(SetAttribute<'a>),
    /// A file was cut or stretched by name.
    Truncate(Truncate<'a>),
    /// A file system was mounted, or a mount moved.
    Mount(Mount<'a>),
    /// A mount was removed.
    Unmount(Unmount<'a>),
    /// A watched file was written to.
    Write(Write<'a>),
    /// A file was mapped shared and writable.
    FileMap(FileMap<'a>),
    /// A datagram went to a new peer.
    Send(Socket<'a>),
    /// A raw or packet socket was made.
    MakeSocket(Socket<'a>),
    /// A DNS question was sent.
    Dns(Dns<'a>),
    /// A standard stream became a socket.
    Stdio(Stdio<'a>),
    /// A thread has other credentials.
    Credentials(CredentialChange),
    /// A process entered or made namespaces.
    Namespaces(NamespaceChange),
    /// A key or keyring was worked on.
    Key(KeyUse),
    /// A file in memory was made.
    Memfd(Memfd<'a>),
    /// A process traces another.
    Ptrace(Ptrace),
    /// Another process's memory was written.
    RemoteWrite(RemoteWrite),
    /// A process's memory was opened for writing.
    ProcessMemory(ProcessMemory<'a>),
    /// Memory became writable and executable.
    ExecutableMemory(ExecutableMemory<'a>),
    /// A process handles its own page faults.
    Userfault(Userfault),
    /// A kernel module was loaded.
    Module(Module<'a>),
    /// An eBPF program or map was made or attached.
    Bpf(Bpf<'a>),
    /// A performance event was opened.
    Perf(Perf),
    /// Another kernel was loaded.
    Kexec(Kexec),
    /// An `io_uring` was set up.
    IoUring(IoUring),
    /// An operation was submitted through `io_uring`.
    IoUringWork(IoUringWork),
    /// A setting of the kernel was opened for writing.
    Setting(Setting<'a>),
    /// Raw memory, ports or a disk were opened.
    Device(Device<'a>),
    /// The audit system's configuration was changed.
    Audit(Audit),
    /// A cgroup was made.
    CgroupCreate(CgroupCreate<'a>),
}

impl<'a> Act<'a> {
    /// The kind of record it came in.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Fork(_) => RecordKind::ProcessFork,
            Self::Exec(_) => RecordKind::ProcessExec,
            Self::Exit(_) => RecordKind::ProcessExit,
            Self::Open(_) => RecordKind::FileOpen,
            Self::Unlink(_) => RecordKind::FileUnlink,
            Self::Rename(_) => RecordKind::FileRename,
            Self::Chmod(_) => RecordKind::FileChmod,
            Self::SetTimes(_) => RecordKind::FileTimes,
            Self::Connect(_) => RecordKind::NetworkConnect,
            Self::Bind(_) => RecordKind::NetworkBind,
            Self::Listen(_) => RecordKind::NetworkListen,
            Self::Accept(_) => RecordKind::NetworkAccept,
            Self::Signal(_) => RecordKind::ProcessSignal,
            Self::ThreadName(_) => RecordKind::ProcessRename,
            Self::ArgumentsMove(_) => RecordKind::ProcessArguments,
            Self::Session(_) => RecordKind::ProcessSession,
            Self::Link(_) => RecordKind::FileLink,
            Self::Symlink(_) => RecordKind::FileSymlink,
            Self::Chown(_) => RecordKind::FileChown,
            Self::SetAttribute(_) => RecordKind::FileXattr,
            Self::Truncate(_) => RecordKind::FileTruncate,
            Self::Mount(_) => RecordKind::FileMount,
            Self::Unmount(_) => RecordKind::FileUnmount,
            Self::Write(_) => RecordKind::FileWrite,
            Self::FileMap(_) => RecordKind::FileMap,
            Self::Send(_) => RecordKind::NetworkSend,
            Self::MakeSocket(_) => RecordKind::NetworkSocket,
            Self::Dns(_) => RecordKind::NetworkDns,
            Self::Stdio(_) => RecordKind::NetworkStdio,
            Self::Credentials(_) => RecordKind::CredentialsChange,
            Self::Namespaces(_) => RecordKind::CredentialsNamespace,
            Self::Key(_) => RecordKind::CredentialsKey,
            Self::Memfd(_) => RecordKind::MemoryMemfd,
            Self::Ptrace(_) => RecordKind::MemoryPtrace,
            Self::RemoteWrite(_) => RecordKind::MemoryWrite,
            Self::ProcessMemory(_) => RecordKind::MemoryProcess,
            Self::ExecutableMemory(_) => RecordKind::MemoryExecutable,
            Self::Userfault(_) => RecordKind::MemoryUserfault,
            Self::Module(_) => RecordKind::KernelModule,
            Self::Bpf(_) => RecordKind::KernelBpf,
            Self::Perf(_) => RecordKind::KernelPerf,
            Self::Kexec(_) => RecordKind::KernelKexec,
            Self::IoUring(_) => RecordKind::KernelIoUring,
            Self::IoUringWork(_) => RecordKind::KernelIoUringWork,
            Self::Setting(_) => RecordKind::KernelSetting,
            Self::Device(_) => RecordKind::KernelDevice,
            Self::Audit(_) => RecordKind::KernelAudit,
            Self::CgroupCreate(_) => RecordKind::CgroupCreate,
        }
    }

    /// The file that the act is done to, and the second path of an act that has
    /// two (the new name of a rename or link).
    #[must_use]
    pub const fn files(&self) -> Option<(&FileSubject<'a>, Option<RecordPath<'a>>)> {
        match self {
            Self::Open(open) => Some((&open.subject, None)),
            Self::Unlink(unlink) => Some((&unlink.subject, None)),
            Self::Rename(rename) => Some((&rename.subject, Some(rename.to))),
            Self::Chmod(chmod) => Some((&chmod.subject, None)),
            Self::SetTimes(times) => Some((&times.subject, None)),
            Self::Link(link) => Some((&link.subject, Some(link.to))),
            Self::Symlink(symlink) => Some((&symlink.subject, None)),
            Self::Chown(chown) => Some((&chown.subject, None)),
            Self::SetAttribute(set) => Some((&set.subject, None)),
            Self::Truncate(truncate) => Some((&truncate.subject, None)),
            Self::Mount(mount) => Some((&mount.subject, None)),
            Self::Unmount(unmount) => Some((&unmount.subject, None)),
            Self::Write(write) => Some((&write.subject, None)),
            Self::FileMap(map) => Some((&map.subject, None)),
            Self::ProcessMemory(memory) => Some((&memory.subject, None)),
            Self::Setting(setting) => Some((&setting.subject, None)),
            Self::Device(device) => Some((&device.subject, None)),
            Self::Fork(_)
            | Self::Exec(_)
            | Self::Exit(_)
            | Self::Connect(_)
            | Self::Bind(_)
            | Self::Listen(_)
            | Self::Accept(_)
            | Self::Signal(_)
            | Self::ThreadName(_)
            | Self::ArgumentsMove(_)
            | Self::Session(_)
            | Self::Send(_)
            | Self::MakeSocket(_)
            | Self::Dns(_)
            | Self::Stdio(_)
            | Self::Credentials(_)
            | Self::Namespaces(_)
            | Self::Key(_)
            | Self::Memfd(_)
            | Self::Ptrace(_)
            | Self::RemoteWrite(_)
            | Self::ExecutableMemory(_)
            | Self::Userfault(_)
            | Self::Module(_)
            | Self::Bpf(_)
            | Self::Perf(_)
            | Self::Kexec(_)
            | Self::IoUring(_)
            | Self::IoUringWork(_)
            | Self::Audit(_)
            | Self::CgroupCreate(_) => None,
        }
    }
}
