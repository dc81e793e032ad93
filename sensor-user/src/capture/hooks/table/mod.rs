//! The hook table, a file a domain.

mod credentials;
mod file;
mod kernel;
mod memory;
mod network;
mod process;

use super::{
    hook::{Hook, NOTHING, When},
    point::{second, tracepoint},
};

const DOMAINS: &[&[Hook]] = &[
    process::PROCESS,
    file::FILE,
    network::NETWORK,
    credentials::CREDENTIALS,
    memory::MEMORY,
    kernel::KERNEL,
    // Handlers of system calls come before the hook that calls them.
    &[Hook {
        kinds: &[],
        unseen: "everything that is seen at system call exit",
        tracepoint: &[
            tracepoint(&["sys_exit"]),
            second("sys_exit_second", &["sys_exit"]),
        ],
        when: When::SystemCallsAreSeen,
        ..NOTHING
    }],
];

/// Every group of programs, domain after domain.
pub const HOOKS: &[Hook] = &{
    let mut hooks = [NOTHING; count()];
    let (mut domain, mut filled) = (0, 0);
    while domain < DOMAINS.len() {
        let mut hook = 0;
        while hook < DOMAINS[domain].len() {
            hooks[filled] = DOMAINS[domain][hook];
            hook += 1;
            filled += 1;
        }
        domain += 1;
    }
    hooks
};

const fn count() -> usize {
    let (mut count, mut domain) = (0, 0);
    while domain < DOMAINS.len() {
        count += DOMAINS[domain].len();
        domain += 1;
    }
    count
}
