//! What a policy takes for noise: acts that are not recorded.

use crate::RecordKind;

/// Most cgroups whose acts can be excluded, those below the named ones included.
pub const EXCLUDED_CGROUPS_MAX: u32 = 4096;
/// Most directories whose files can be excluded.
pub const EXCLUDED_PATHS_MAX: u32 = 256;
/// Bytes of the longest path of an excluded directory, its last slash included.
pub const EXCLUDED_PATH_BYTES: usize = 128;

/// By what acts are excluded, as bits: a hook looks for nothing else.
pub mod exclusions {
    /// By the executable.
    pub const EXECUTABLES: u8 = 1;
    /// By the cgroup.
    pub const CGROUPS: u8 = 1 << 1;
    /// By the path of a file.
    pub const PATHS: u8 = 1 << 2;
}

impl RecordKind {
    /// Whether a policy may exclude acts of this kind: those that servers perform
    /// in great numbers. The life of processes, rights, injection, the kernel, and
    /// permissions of files are recorded of everybody.
    #[must_use]
    pub const fn may_be_excluded(self) -> bool {
        self.may_be_excluded_by_path()
            || matches!(
                self,
                Self::NetworkConnect | Self::NetworkAccept | Self::NetworkSend | Self::NetworkDns
            )
    }

    /// Whether a policy may exclude acts of this kind by the path of their file.
    #[must_use]
    pub const fn may_be_excluded_by_path(self) -> bool {
        matches!(
            self,
            Self::FileOpen
                | Self::FileUnlink
                | Self::FileRename
                | Self::FileSymlink
                | Self::FileTruncate
        )
    }
}
