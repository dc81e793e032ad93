use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Users, groups and capabilities of a thread, in the initial user namespace.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CredentialSet {
    /// Effective capabilities, bit `CAP_*`.
    pub effective: u64,
    /// Permitted capabilities.
    pub permitted: u64,
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective user.
    pub euid: u32,
    /// Effective group.
    pub egid: u32,
    /// Saved user.
    pub suid: u32,
    /// Saved group.
    pub sgid: u32,
}

/// Fixed part of `credentials.change`; no tail.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CredentialRecord {
    /// What the thread has from now on.
    pub after: CredentialSet,
    /// What it had; valid when `has_before` is 1.
    pub before: CredentialSet,
    /// 1 when `before` is known.
    pub has_before: u32,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u32,
}

/// Fixed part of `credentials.namespace`; no tail.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NamespaceRecord {
    /// `CLONE_NEW*` asked for; zero when a descriptor says it.
    pub flags: u64,
    /// Inode numbers after the act: mount, pid (of children to come), network,
    /// user, UTS, IPC, cgroup.
    pub namespaces: [u32; 7],
    /// 1 for `setns`, 0 for `unshare`.
    pub joined: u32,
    /// The system call's result.
    pub result: i32,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u32,
}
