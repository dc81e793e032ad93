//! One hook: what it sees, where, and when it is wanted.

use sensor_common::{RecordKind, SyscallAct};

use super::{
    Tier,
    point::{Point, Required},
};

/// One group of kernel programs: the acts it sees, and how in each tier.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Kinds of record it makes; empty for a dispatcher.
    pub kinds: &'static [RecordKind],
    /// What nobody sees when it is missing.
    pub unseen: &'static str,
    /// Where it is attached in the LSM and fentry tiers; empty when these tiers
    /// do not need it.
    pub trampoline: &'static [Required],
    /// Where instead, on a kernel that has none of these.
    pub otherwise: &'static [Required],
    /// Where it is attached in the tracepoint tier; empty when that tier cannot
    /// see the act.
    pub tracepoint: &'static [Required],
    /// Where it is attached in the light tier; empty when that tier cannot see
    /// the act.
    pub light: &'static [Required],
    /// What the LSM and fentry tiers cannot tell about the acts; empty for
    /// nothing.
    pub trampoline_limits: &'static str,
    /// The same for the tracepoint tier.
    pub tracepoint_limits: &'static str,
    /// The same for the light tier.
    pub light_limits: &'static str,
    /// When it is wanted.
    pub when: When,
}

impl Hook {
    /// Where it is attached in a tier.
    #[must_use]
    pub const fn points(&self, tier: Tier) -> &'static [Required] {
        match tier {
            Tier::Lsm | Tier::Fentry => self.trampoline,
            Tier::Tracepoint => self.tracepoint,
            Tier::Light => self.light,
        }
    }

    /// What it cannot tell in a tier; empty for nothing.
    #[must_use]
    pub const fn limits(&self, tier: Tier) -> &'static str {
        match tier {
            Tier::Lsm | Tier::Fentry => self.trampoline_limits,
            Tier::Tracepoint => self.tracepoint_limits,
            Tier::Light => self.light_limits,
        }
    }

    /// Whether a program is one of its own, in whatever tier, or one that calls
    /// them.
    #[must_use]
    pub fn runs_in(&self, program: &str) -> bool {
        /// What hands system calls to their handlers.
        const DISPATCHER: &str = "sys_exit";
        let of_tier = |tier| {
            let points = self.points(tier).iter().chain(self.otherwise);
            points
                .map(move |(point, _)| point.program(tier))
                .any(|name| name == program)
        };
        Tier::ALL.into_iter().any(of_tier)
            || (program == DISPATCHER && self.syscall_acts().next().is_some())
    }

    /// The system calls that it handles in the tracepoint tier.
    pub fn syscall_acts(&self) -> impl Iterator<Item = SyscallAct> {
        self.tracepoint.iter().filter_map(|(point, _)| match point {
            Point::Syscall(act) => Some(*act),
            Point::Tracepoint { .. }
            | Point::Security(_)
            | Point::Entry { .. }
            | Point::Exit { .. }
            | Point::CgroupSocket(_)
            | Point::FileNotices(_) => None,
        })
    }
}

/// When a hook is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where the kernel can load modules.
    KernelHasModules,
    /// When the policy names files whose writing is watched: it costs something
    /// at every read and write of the machine.
    WritesAreWatched,
    /// In the tracepoint tier only: the others see the work itself.
    SystemCallsAreSeen,
}

/// A hook that sees nothing: what the others are made from.
pub(super) const NOTHING: Hook = Hook {
    kinds: &[],
    unseen: "",
    trampoline: &[],
    otherwise: &[],
    tracepoint: &[],
    light: &[],
    trampoline_limits: "",
    tracepoint_limits: "",
    light_limits: "",
    when: When::Always,
};

/// What an act before its outcome cannot tell.
pub(super) const ATTEMPTS: &str = "seen before the act: what came of it is not told";
pub(super) const ARGUMENT_PATHS: &str = "by path: the path is the caller's argument, read when the call \
     returns, and a thread that rewrites it meanwhile can name another file; acts that failed are \
     not seen";
pub(super) const WORK_THROUGH_IO_URING: &str =
    "through io_uring: that it was submitted is told by its code alone";

/// A hook that is the same in every tier.
pub(super) const fn everywhere(
    kinds: &'static [RecordKind],
    unseen: &'static str,
    points: &'static [Required],
) -> Hook {
    Hook {
        kinds,
        unseen,
        trampoline: points,
        tracepoint: points,
        light: points,
        ..NOTHING
    }
}

/// A hook on an act by path, for which the tracepoint tier has no kernel object.
pub(super) const fn by_path(
    kinds: &'static [RecordKind],
    unseen: &'static str,
    trampoline: &'static [Required],
    tracepoint: &'static [Required],
) -> Hook {
    Hook {
        kinds,
        unseen,
        trampoline,
        tracepoint,
        trampoline_limits: ATTEMPTS,
        tracepoint_limits: ARGUMENT_PATHS,
        ..NOTHING
    }
}
