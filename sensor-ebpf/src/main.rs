//! The kernel programs of all three tiers.
//!
//! One file a domain beside the shared parts. A handler body is written once and
//! attached as an LSM program, to a function, or to a tracepoint. Nothing here decides policy: a
//! hook sees an act, writes a record, and counts what it could not write.
#![no_std]
#![no_main]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(
    clippy::inline_always,
    reason = "the kernel allows eight frames of 512 bytes in all: a call is made on purpose"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "registers are 64 bits wide; each is cut to the width that the kernel reads"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the attribute of a hook calls it with the context by value"
)]

mod address;
mod arguments;
mod atomic;
mod cgroup;
mod counters;
mod credentials;
mod datagram;
mod exclude;
mod file;
mod file_call;
mod file_times;
mod global;
mod injection;
mod io_uring;
mod kernel;
mod light;
mod memory;
mod mount;
mod name;
mod network;
mod network_call;
mod object;
mod path;
mod process;
mod read;
mod reads;
mod record;
mod repeat;
mod ring;
mod scratch;
mod second;
mod self_test;
mod signal;
mod socket;
mod special;
mod syscall;
mod task;
mod unrecorded;
mod wake;
mod watch;
mod watched_name;
mod zero;

// The helpers this object uses (`bpf_probe_read_kernel` and others) are
// reserved for programs under a GPL-compatible licence.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
