//! The kernel's own names for numbers of its interface.

mod audit;
mod bpf;
mod io_uring;
mod keyctl;
mod prctl;
mod ptrace;

use std::borrow::Cow;

pub(super) use audit::audit_message;
pub(super) use bpf::bpf_command;
pub(super) use io_uring::io_uring_operation;
pub(super) use keyctl::key_command;
pub(super) use prctl::memory_option;
pub(super) use ptrace::ptrace_request;

/// The name that a list has at this place, or the number itself.
fn listed(names: &[&'static str], number: u64) -> Cow<'static, str> {
    usize::try_from(number)
        .ok()
        .and_then(|index| names.get(index))
        .map_or_else(
            || Cow::Owned(number.to_string()),
            |name| Cow::Borrowed(*name),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::KeyUse;

    #[test]
    fn names_are_at_their_numbers() {
        for (name, expected) in [
            (audit_message(1001), "AUDIT_SET"),
            (audit_message(1012), "AUDIT_DEL_RULE"),
            (bpf_command(5), "BPF_PROG_LOAD"),
            (bpf_command(28), "BPF_LINK_CREATE"),
            (io_uring_operation(18), "IORING_OP_OPENAT"),
            (io_uring_operation(62), "IORING_OP_PIPE"),
            (key_command(11), "KEYCTL_READ"),
            (key_command(32), "KEYCTL_WATCH_KEY"),
            (key_command(KeyUse::ADD_KEY), "add_key"),
            (key_command(KeyUse::REQUEST_KEY), "request_key"),
            (memory_option(8), "PR_SET_MM_ARG_START"),
            (memory_option(14), "PR_SET_MM_MAP"),
            (ptrace_request(16), "PTRACE_ATTACH"),
            (ptrace_request(0x4206), "PTRACE_SEIZE"),
        ] {
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn a_number_without_a_name_stays_a_number() {
        for name in [
            audit_message(7),
            bpf_command(7_000),
            io_uring_operation(u64::MAX),
            key_command(33),
            memory_option(0),
            ptrace_request(10),
        ] {
            assert!(name.parse::<u64>().is_ok(), "{name}");
        }
    }
}
