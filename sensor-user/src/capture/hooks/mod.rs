//! The hook table: what is attached where in each tier, what it sees, and what
//! is lost without it.

mod hook;
mod point;
mod report;
mod table;
mod tier;

pub use hook::{Hook, When};
pub(super) use point::SECOND_PROGRAM;
pub use point::{Need, Point, Required};
pub use report::{HookReport, HookStatus, Outcome};
use sensor_common::RecordKind;
pub use table::HOOKS;
pub use tier::Tier;

/// The hook that makes a kind of record.
#[must_use]
pub fn hook_of(kind: RecordKind) -> Option<&'static Hook> {
    HOOKS.iter().find(|hook| hook.kinds.contains(&kind))
}

#[cfg(test)]
mod tests {
    use sensor_common::SyscallAct;

    use super::*;

    #[test]
    fn every_kind_has_exactly_one_hook() {
        for kind in RecordKind::ALL {
            let hooks = HOOKS.iter().filter(|hook| hook.kinds.contains(&kind));
            assert_eq!(hooks.count(), 1, "{kind:?}");
        }
    }

    #[test]
    fn every_syscall_act_has_its_handler_before_the_dispatcher() {
        let dispatcher = HOOKS.len() - 1;
        assert!(matches!(
            HOOKS[dispatcher].tracepoint,
            [
                (
                    Point::Tracepoint {
                        program: "sys_exit",
                        ..
                    },
                    Need::Always
                ),
                _
            ]
        ));
        for &act in SyscallAct::ALL {
            let handlers = HOOKS[..dispatcher]
                .iter()
                .filter(|hook| hook.syscall_acts().any(|found| found == act));
            assert_eq!(handlers.count(), 1, "{act:?}");
        }
    }

    #[test]
    fn second_programs_are_named_after_the_first() {
        let points = || HOOKS.iter().flat_map(|hook| hook.tracepoint);
        let mut seconds = 0;
        for (point, need) in points() {
            if *need == Need::IfPreemptible {
                let name = point.program(Tier::Tracepoint);
                let first = name.strip_suffix(SECOND_PROGRAM).unwrap();
                let mut programs = points().map(|(point, _)| point.program(Tier::Tracepoint));
                assert!(programs.any(|program| program == first), "{name}");
                seconds += 1;
            }
        }
        assert_eq!(seconds, 4);
    }

    #[test]
    fn a_tier_without_a_hook_says_why() {
        for hook in HOOKS {
            let needed = hook.when != When::SystemCallsAreSeen;
            assert!(!needed || !hook.trampoline.is_empty(), "{:?}", hook.kinds);
            assert!(
                !hook.tracepoint.is_empty() || !hook.tracepoint_limits.is_empty(),
                "{:?}",
                hook.kinds
            );
            assert!(!hook.unseen.is_empty());
        }
    }
}
