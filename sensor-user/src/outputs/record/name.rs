use schemars::JsonSchema;
use sensor_common::RecordKind;
use serde::Serialize;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum RecordName {
    /// A process that was there before the sensor.
    #[serde(rename = "process.snapshot")]
    ProcessSnapshot,
    /// A new process; `process` is the child.
    #[serde(rename = "process.fork")]
    ProcessFork,
    /// A program is run.
    #[serde(rename = "process.exec")]
    ProcessExec,
    /// The executable of a program that was run has this hash. Follows the
    /// `process.exec`, unless that has the hash already; `time` is that of the
    /// exec.
    #[serde(rename = "process.hash")]
    ProcessHash,
    /// A process ended.
    #[serde(rename = "process.exit")]
    ProcessExit,
    /// A file was opened for writing, or created; or a watched one was opened
    /// for reading.
    #[serde(rename = "file.open")]
    FileOpen,
    /// A name was removed.
    #[serde(rename = "file.unlink")]
    FileUnlink,
    /// A name was moved.
    #[serde(rename = "file.rename")]
    FileRename,
    /// Permission bits were changed.
    #[serde(rename = "file.chmod")]
    FileChmod,
    /// The times of a file were set to others than now.
    #[serde(rename = "file.times")]
    FileTimes,
    /// A connection was attempted.
    #[serde(rename = "network.connect")]
    NetworkConnect,
    /// A local address was taken.
    #[serde(rename = "network.bind")]
    NetworkBind,
    /// A socket accepts connections from now on.
    #[serde(rename = "network.listen")]
    NetworkListen,
    /// A connection was accepted.
    #[serde(rename = "network.accept")]
    NetworkAccept,
    /// A signal was sent to another process.
    #[serde(rename = "process.signal")]
    ProcessSignal,
    /// A thread gave itself another name.
    #[serde(rename = "process.rename")]
    ProcessRename,
    /// A process moved the place that its arguments are shown from: `ps` may show
    /// others now.
    #[serde(rename = "process.arguments")]
    ProcessArguments,
    /// A process began a session of its own, as a daemon does.
    #[serde(rename = "process.session")]
    ProcessSession,
    /// A file got a second name.
    #[serde(rename = "file.link")]
    FileLink,
    /// A symbolic link was made.
    #[serde(rename = "file.symlink")]
    FileSymlink,
    /// A file got another owner or group.
    #[serde(rename = "file.chown")]
    FileChown,
    /// An extended attribute was set; file capabilities are one.
    #[serde(rename = "file.setxattr")]
    FileSetxattr,
    /// A file was cut or stretched by name.
    #[serde(rename = "file.truncate")]
    FileTruncate,
    /// A file system was mounted, or a mount moved or changed.
    #[serde(rename = "file.mount")]
    FileMount,
    /// A mount was removed.
    #[serde(rename = "file.unmount")]
    FileUnmount,
    /// A watched file was written to.
    #[serde(rename = "file.write")]
    FileWrite,
    /// A file was mapped shared and writable.
    #[serde(rename = "file.map")]
    FileMap,
    /// A datagram went to a peer that the process had not sent to before.
    #[serde(rename = "network.send")]
    NetworkSend,
    /// A raw or packet socket was made.
    #[serde(rename = "network.socket")]
    NetworkSocket,
    /// A DNS question was sent.
    #[serde(rename = "network.dns")]
    NetworkDns,
    /// A standard stream became a socket.
    #[serde(rename = "network.stdio")]
    NetworkStdio,
    /// A thread has other users, groups or capabilities.
    #[serde(rename = "credentials.change")]
    CredentialsChange,
    /// A process entered or made namespaces.
    #[serde(rename = "credentials.namespace")]
    CredentialsNamespace,
    /// A key or keyring of the kernel was worked on.
    #[serde(rename = "credentials.key")]
    CredentialsKey,
    /// A file that lies in memory only was made.
    #[serde(rename = "memory.memfd")]
    MemoryMemfd,
    /// A process traces another, or wrote to its memory or registers.
    #[serde(rename = "memory.ptrace")]
    MemoryPtrace,
    /// A process wrote into another's memory (`process_vm_writev`).
    #[serde(rename = "memory.write")]
    MemoryWrite,
    /// A process's memory was opened for writing (`/proc/PID/mem`).
    #[serde(rename = "memory.process")]
    MemoryProcess,
    /// Memory became writable and executable at once.
    #[serde(rename = "memory.executable")]
    MemoryExecutable,
    /// A process handles its own page faults (`userfaultfd`).
    #[serde(rename = "memory.userfault")]
    MemoryUserfault,
    /// A kernel module was loaded.
    #[serde(rename = "kernel.module")]
    KernelModule,
    /// An eBPF program or map was made, or attached.
    #[serde(rename = "kernel.bpf")]
    KernelBpf,
    /// A performance event was opened.
    #[serde(rename = "kernel.perf")]
    KernelPerf,
    /// Another kernel was loaded, to be started in place of this one.
    #[serde(rename = "kernel.kexec")]
    KernelKexec,
    /// An `io_uring` was set up.
    #[serde(rename = "kernel.io_uring")]
    KernelIoUring,
    /// An operation was submitted through `io_uring`, of which nothing but its
    /// code is known.
    #[serde(rename = "kernel.io_uring_work")]
    KernelIoUringWork,
    /// A setting of the kernel or of a security module was opened for writing.
    #[serde(rename = "kernel.setting")]
    KernelSetting,
    /// Raw memory, ports or a disk were opened.
    #[serde(rename = "kernel.device")]
    KernelDevice,
    /// The audit system's configuration was changed.
    #[serde(rename = "kernel.audit")]
    KernelAudit,
    /// A cgroup was made.
    #[serde(rename = "cgroup.create")]
    CgroupCreate,
    /// How many acts of a kind a process did that have no record of their own;
    /// none of them is older than `time`.
    #[serde(rename = "repeat")]
    Repeat,
    /// The model found a process suspicious or malicious.
    #[serde(rename = "verdict")]
    Verdict,
    /// A new model was offered, and is on its way to take over, or refused.
    #[serde(rename = "model")]
    Model,
    /// Records were lost.
    #[serde(rename = "loss")]
    Loss,
    /// The last record of a run.
    #[serde(rename = "summary")]
    Summary,
}

impl From<RecordKind> for RecordName {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::ProcessFork => Self::ProcessFork,
            RecordKind::ProcessExec => Self::ProcessExec,
            RecordKind::ProcessExit => Self::ProcessExit,
            RecordKind::FileOpen => Self::FileOpen,
            RecordKind::FileUnlink => Self::FileUnlink,
            RecordKind::FileRename => Self::FileRename,
            RecordKind::FileChmod => Self::FileChmod,
            RecordKind::FileTimes => Self::FileTimes,
            RecordKind::NetworkConnect => Self::NetworkConnect,
            RecordKind::NetworkBind => Self::NetworkBind,
            RecordKind::NetworkListen => Self::NetworkListen,
            RecordKind::NetworkAccept => Self::NetworkAccept,
            RecordKind::ProcessSignal => Self::ProcessSignal,
            RecordKind::ProcessRename => Self::ProcessRename,
            RecordKind::ProcessArguments => Self::ProcessArguments,
            RecordKind::ProcessSession => Self::ProcessSession,
            RecordKind::FileLink => Self::FileLink,
            RecordKind::FileSymlink => Self::FileSymlink,
            RecordKind::FileChown => Self::FileChown,
            RecordKind::FileXattr => Self::FileSetxattr,
            RecordKind::FileTruncate => Self::FileTruncate,
            RecordKind::FileMount => Self::FileMount,
            RecordKind::FileUnmount => Self::FileUnmount,
            RecordKind::FileWrite => Self::FileWrite,
            RecordKind::FileMap => Self::FileMap,
            RecordKind::NetworkSend => Self::NetworkSend,
            RecordKind::NetworkSocket => Self::NetworkSocket,
            RecordKind::NetworkDns => Self::NetworkDns,
            RecordKind::NetworkStdio => Self::NetworkStdio,
            RecordKind::CredentialsChange => Self::CredentialsChange,
            RecordKind::CredentialsNamespace => Self::CredentialsNamespace,
            RecordKind::CredentialsKey => Self::CredentialsKey,
            RecordKind::MemoryMemfd => Self::MemoryMemfd,
            RecordKind::MemoryPtrace => Self::MemoryPtrace,
            RecordKind::MemoryWrite => Self::MemoryWrite,
            RecordKind::MemoryProcess => Self::MemoryProcess,
            RecordKind::MemoryExecutable => Self::MemoryExecutable,
            RecordKind::MemoryUserfault => Self::MemoryUserfault,
            RecordKind::KernelModule => Self::KernelModule,
            RecordKind::KernelBpf => Self::KernelBpf,
            RecordKind::KernelPerf => Self::KernelPerf,
            RecordKind::KernelKexec => Self::KernelKexec,
            RecordKind::KernelIoUring => Self::KernelIoUring,
            RecordKind::KernelIoUringWork => Self::KernelIoUringWork,
            RecordKind::KernelSetting => Self::KernelSetting,
            RecordKind::KernelDevice => Self::KernelDevice,
            RecordKind::KernelAudit => Self::KernelAudit,
            RecordKind::CgroupCreate => Self::CgroupCreate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_on_both_sides() {
        for kind in RecordKind::ALL {
            let name = serde_json::to_value(RecordName::from(kind)).unwrap();
            assert_eq!(name, kind.name());
        }
    }
}
