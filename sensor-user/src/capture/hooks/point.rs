use sensor_common::SyscallAct;

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
    /// By tail call from the `sys_exit` hook, for this act.
    Syscall(SyscallAct),
}

/// Whether an act is seen at all without a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A kernel without the point, or one that refuses it, goes half blind.
    Always,
    /// Some kernels do not have the point, and then nothing passes there.
    IfPresent,
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

pub(super) const fn security(name: &'static str) -> Required {
    (Point::Security(name), Need::Always)
}

pub(super) const fn security_if_present(name: &'static str) -> Required {
    (Point::Security(name), Need::IfPresent)
}

pub(super) const fn syscall(act: SyscallAct) -> Required {
    (Point::Syscall(act), Need::Always)
}

/// The end of a 64-bit system call's function.
macro_rules! native {
    ($name:literal) => {
        (
            Point::Exit {
                program: concat!("fexit_x64_", $name),
                function: concat!("__x64_sys_", $name),
            },
            Need::Always,
        )
    };
    ($name:literal, if present) => {
        (
            Point::Exit {
                program: concat!("fexit_x64_", $name),
                function: concat!("__x64_sys_", $name),
            },
            Need::IfPresent,
        )
    };
}
pub(super) use native;

/// The end of a 32-bit system call's function, which a kernel may be built
/// without; with `own`, of one that does not share the 64-bit body.
macro_rules! compat {
    ($name:literal) => {
        (
            Point::Exit {
                program: concat!("fexit_ia32_", $name),
                function: concat!("__ia32_sys_", $name),
            },
            Need::IfPresent,
        )
    };
    ($name:literal, own) => {
        (
            Point::Exit {
                program: concat!("fexit_ia32_", $name),
                function: concat!("__ia32_compat_sys_", $name),
            },
            Need::IfPresent,
        )
    };
}
pub(super) use compat;
