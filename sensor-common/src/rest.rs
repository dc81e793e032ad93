//! How deeply the agent rests: what decides whether a record wakes it.

use crate::RecordKind;

/// What the agent does while the rings fill, as the kernel programs see it.
///
/// Waking costs its caller far more than the record: an interrupt that the
/// processor sends to itself, a wake-up, and often an interrupt to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Rest {
    /// It works, or looks again within two milliseconds: nothing wakes it.
    Awake = 0,
    /// It looks again within some milliseconds: what is urgent wakes it, and a
    /// bulk ring that fills.
    Napping = 1,
    /// Nothing happened for a while: any record wakes it.
    Asleep = 2,
}

impl RecordKind {
    /// Acts whose verdict must not wait for the agent to look by itself.
    #[must_use]
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::ProcessExec
            | Self::NetworkStdio
            | Self::CredentialsChange
            | Self::CredentialsNamespace
            | Self::MemoryPtrace
            | Self::MemoryWrite
            | Self::MemoryProcess
            | Self::KernelModule
            | Self::KernelBpf
            | Self::KernelKexec
            | Self::KernelSetting
            | Self::KernelDevice
            | Self::KernelAudit => true,
            Self::ProcessFork
            | Self::ProcessExit
            | Self::ProcessSignal
            | Self::ProcessRename
            | Self::ProcessArguments
            | Self::ProcessSession
            | Self::FileOpen
            | Self::FileUnlink
            | Self::FileRename
            | Self::FileChmod
            | Self::FileLink
            | Self::FileSymlink
            | Self::FileChown
            | Self::FileXattr
            | Self::FileTruncate
            | Self::FileMount
            | Self::FileUnmount
            | Self::FileWrite
            | Self::FileMap
            | Self::FileTimes
            | Self::NetworkConnect
            | Self::NetworkBind
            | Self::NetworkListen
            | Self::NetworkAccept
            | Self::NetworkSend
            | Self::NetworkSocket
            | Self::NetworkDns
            | Self::CredentialsKey
            | Self::MemoryMemfd
            | Self::MemoryExecutable
            | Self::MemoryUserfault
            | Self::KernelPerf
            | Self::KernelIoUring
            | Self::KernelIoUringWork
            | Self::CgroupCreate => false,
        }
    }
}
