use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A set of capabilities: bit `CAP_*` (`include/uapi/linux/capability.h`).
/// Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String", inline)]
pub struct Capabilities(pub u64);

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Users, groups and capabilities of a thread, in the initial user namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Credentials {
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
    /// Effective capabilities, 16 hexadecimal digits.
    pub effective: Capabilities,
    /// Permitted capabilities, 16 hexadecimal digits.
    pub permitted: Capabilities,
}

/// A thread that has other credentials from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialChange {
    /// What it has now.
    pub after: Credentials,
    /// What it had, where it is known.
    pub before: Option<Credentials>,
}

/// Namespaces that a process entered or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceChange {
    /// Kinds asked for; none when a descriptor says it.
    pub flags: NamespaceFlags,
    /// It entered namespaces that were there (`setns`); false when it made new
    /// ones (`unshare`).
    pub joined: bool,
    /// Where the process is after the act.
    pub namespaces: Namespaces,
    /// The system call's result; `None` when the hook runs before the act.
    pub result: Option<i32>,
}

/// Inode numbers of namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Mounts.
    pub mount: u32,
    /// Process numbers of children to come.
    pub pid: u32,
    /// Network.
    pub network: u32,
    /// Users and capabilities.
    pub user: u32,
    /// Host name.
    pub uts: u32,
    /// System V IPC and message queues.
    pub ipc: u32,
    /// Root of the cgroup hierarchy.
    pub cgroup: u32,
}

/// The `CLONE_NEW*` bits of a flag word (`include/uapi/linux/sched.h`); other
/// bits are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Vec<String>", inline)]
pub struct NamespaceFlags(pub u64);

impl NamespaceFlags {
    const NAMES: [(u64, &'static str); 8] = [
        (0x0002_0000, "mount"),
        (0x2000_0000, "pid"),
        (0x4000_0000, "network"),
        (0x1000_0000, "user"),
        (0x0400_0000, "uts"),
        (0x0800_0000, "ipc"),
        (0x0200_0000, "cgroup"),
        (0x0000_0080, "time"),
    ];

    /// Names of the kinds of namespaces.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(bit, _)| self.0 & bit != 0)
            .map(|(_, name)| name)
    }
}

impl Serialize for NamespaceFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// Work on a key or keyring of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// `KEYCTL_*`, or [`KeyUse::ADD_KEY`], or [`KeyUse::REQUEST_KEY`].
    pub command: u64,
    /// Second and third argument of the system call.
    pub arguments: [u64; 2],
    /// A key's number or another answer, or a negative error; `None` when the
    /// hook runs before the act.
    pub result: Option<i32>,
}

impl KeyUse {
    /// Stands for the system call `add_key`.
    pub const ADD_KEY: u64 = 1 << 32;
    /// Stands for the system call `request_key`.
    pub const REQUEST_KEY: u64 = 2 << 32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_sixteen_digits() {
        let all = Capabilities(0x1ff_ffff_ffff);
        assert_eq!(all.to_string(), "000001ffffffffff");
        assert_eq!(
            serde_json::to_string(&all).unwrap(),
            r#""000001ffffffffff""#
        );
    }

    #[test]
    fn only_namespace_bits_have_names() {
        let flags = NamespaceFlags(0x2000_0000 | 0x0002_0000 | 0x100);
        assert_eq!(serde_json::to_string(&flags).unwrap(), r#"["mount","pid"]"#);
        assert_eq!(NamespaceFlags(u64::MAX).names().count(), 8);
        assert_eq!(NamespaceFlags(0).names().count(), 0);
    }
}
