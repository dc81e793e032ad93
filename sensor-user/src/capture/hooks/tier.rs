use serde::Serialize;

/// How kernel programs get to see acts: what the kernel allows decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Programs of the BPF LSM, beside the other security modules.
    Lsm,
    /// The same programs on the entry of the security functions.
    Fentry,
    /// System call exits and other tracepoints.
    Tracepoint,
    /// Nothing on system calls: tracepoints of process life and of sockets,
    /// programs of the root cgroup, and the kernel's notifications of files. It
    /// sees least, and is used on request only.
    Light,
}

impl Tier {
    /// Every tier, the one that sees most first.
    pub const ALL: [Self; 4] = [Self::Lsm, Self::Fentry, Self::Tracepoint, Self::Light];

    /// Those that are tried when none is asked for, in this order.
    pub const UNASKED: [Self; 3] = [Self::Lsm, Self::Fentry, Self::Tracepoint];

    /// The name in options and outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "lsm",
            Self::Fentry => "fentry",
            Self::Tracepoint => "tracepoint",
            Self::Light => "light",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
