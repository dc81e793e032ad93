use std::borrow::Cow;

use sensor_common::SyscallAct;

use super::Tier;

/// A place where a kernel program can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A BTF-typed tracepoint: the first of the names that the kernel has.
    Tracepoint {
        /// Name of the program in the kernel object.
        program: &'static str,
        /// Names of the tracepoint, the newest kernel's first.
        names: &'static [&'static str],
    },
    /// A security hook of this name: programs `lsm_NAME` and `fentry_NAME`, the
    /// latter on the function `security_NAME`.
    Security(&'static str),
    /// The entry of a function.
    Entry {
        /// Name of the program in the kernel object.
        program: &'static str,
        /// The function.
        function: &'static str,
    },
    /// The end of a function.
    Exit {
        /// Name of the program in the kernel object.
        program: &'static str,
        /// The function.
        function: &'static str,
    },
    /// The root cgroup, for an act on a socket: `cgroup_NAME` is the program.
    CgroupSocket(&'static str),
    /// The kernel's notifications of files, of this sort: no program.
    FileNotices(&'static str),
    /// By tail call from the `sys_exit` hook, for this act.
    Syscall(SyscallAct),
}

impl Point {
    /// Name of its program in the kernel object.
    #[must_use]
    pub fn program(self, tier: Tier) -> Cow<'static, str> {
        match self {
            Self::Tracepoint { program, .. }
            | Self::Entry { program, .. }
            | Self::Exit { program, .. } => program.into(),
            Self::Security(name) if tier == Tier::Lsm => format!("lsm_{name}").into(),
            Self::Security(name) => format!("fentry_{name}").into(),
            Self::CgroupSocket(name) => format!("cgroup_{name}").into(),
            Self::FileNotices(sort) => format!("fanotify_{sort}").into(),
            Self::Syscall(act) => act.program().into(),
        }
    }

    /// The function, tracepoint or security hook that the kernel is asked for:
    /// the first of these that it has.
    #[must_use]
    pub fn functions(self, tier: Tier) -> Vec<Cow<'static, str>> {
        match self {
            Self::Tracepoint { names, .. } => names.iter().copied().map(Cow::from).collect(),
            Self::Security(name) if tier == Tier::Lsm => vec![name.into()],
            Self::Security(name) => vec![format!("security_{name}").into()],
            Self::Entry { function, .. } | Self::Exit { function, .. } => vec![function.into()],
            Self::CgroupSocket(name) | Self::FileNotices(name) => vec![name.into()],
            Self::Syscall(_) => vec!["sys_exit".into()],
        }
    }
}

/// Whether an act is seen at all without a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A kernel without the point, or one that refuses it, goes half blind.
    Always,
    /// Some kernels do not have the point, and then nothing passes there.
    IfPresent,
    /// On kernels that may preempt a task inside of a tracepoint's programs
    /// (6.19 and later), which skip a program that was preempted.
    IfPreemptible,
}

/// A point of a tier, and whether it may be absent.
pub type Required = (Point, Need);

pub(super) const fn tracepoint(name: &'static [&'static str; 1]) -> Required {
    (
        Point::Tracepoint {
            program: name[0],
            names: name,
        },
        Need::Always,
    )
}

/// What the name of a second program has after the name of the first.
pub(in crate::capture) const SECOND_PROGRAM: &str = "_second";

/// A second program on a tracepoint, for what the first was skipped for.
pub(super) const fn second(program: &'static str, names: &'static [&'static str; 1]) -> Required {
    (Point::Tracepoint { program, names }, Need::IfPreemptible)
}

pub(super) const fn security(name: &'static str) -> Required {
    (Point::Security(name), Need::Always)
}

pub(super) const fn security_if_present(name: &'static str) -> Required {
    (Point::Security(name), Need::IfPresent)
}

pub(super) const fn cgroup_socket(name: &'static str) -> Required {
    (Point::CgroupSocket(name), Need::Always)
}

pub(super) const fn file_notices(sort: &'static str) -> Required {
    (Point::FileNotices(sort), Need::Always)
}

pub(super) const fn syscall(act: SyscallAct) -> Required {
    (Point::Syscall(act), Need::Always)
}

/// The end of a 64-bit system call's function.
macro_rules! native {
    ($name:literal) => {
        (
            $crate::capture::Point::Exit {
                program: concat!("fexit_x64_", $name),
                function: concat!("__x64_sys_", $name),
            },
            $crate::capture::Need::Always,
        )
    };
    ($name:literal, if present) => {
        (
            $crate::capture::Point::Exit {
                program: concat!("fexit_x64_", $name),
                function: concat!("__x64_sys_", $name),
            },
            $crate::capture::Need::IfPresent,
        )
    };
}
pub(super) use native;

/// The end of a 32-bit system call's function, which a kernel may be built
/// without; with `own`, of one that does not share the 64-bit body.
macro_rules! compat {
    ($name:literal) => {
        (
            $crate::capture::Point::Exit {
                program: concat!("fexit_ia32_", $name),
                function: concat!("__ia32_sys_", $name),
            },
            $crate::capture::Need::IfPresent,
        )
    };
    ($name:literal, own) => {
        (
            $crate::capture::Point::Exit {
                program: concat!("fexit_ia32_", $name),
                function: concat!("__ia32_compat_sys_", $name),
            },
            $crate::capture::Need::IfPresent,
        )
    };
}
pub(super) use compat;
