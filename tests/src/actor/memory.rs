//! Acts on memory: the process's own, and a child's.

use std::{ffi::c_void, os::fd::AsRawFd};

use rustix::{
    fs::{MemfdFlags, Mode, OFlags, memfd_create, open},
    mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect},
};

use crate::{
    call::{Idle, call, wait},
    facts::{Facts, start_ticks},
};

const PAGE: usize = 4_096;

/// A place that a child has at the same address, being a copy.
static PLACE: u64 = 0x5345_4e53_4f52_0001;

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    match act {
        "memfd" => {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let memory = memfd_create(arguments[0], flags).unwrap();
            facts.set("result", memory.as_raw_fd());
            facts.set("flags", flags.bits());
            facts.set_open_file(memory);
        }
        "trace" => trace(&mut facts),
        "seize" => seize(&mut facts),
        "traceme" => trace_me(&mut facts),
        "write" => write(&mut facts),
        "process" => process(&mut facts),
        "map" => {
            let all = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
            // SAFETY: a mapping of its own, that nothing is kept in.
            let address = unsafe {
                mmap_anonymous(std::ptr::null_mut(), 3 * PAGE, all, MapFlags::PRIVATE).unwrap()
            };
            facts.set("address", address as usize);
            facts.set("length", 3 * PAGE);
        }
        // memory map-file FILE
        "map-file" => map_file(&mut facts, arguments[0]),
        "protect" | "protect-key" => protect(&mut facts, act),
        "userfault" => {
            let flags = usize::try_from(libc::O_CLOEXEC | libc::O_NONBLOCK).unwrap();
            // SAFETY: numbers only.
            let result = unsafe { call(libc::SYS_userfaultfd, [flags]) };
            facts.set("flags", flags);
            facts.set("result", result);
        }
        other => panic!("{other}: not an act on memory"),
    }
    facts.print();
}

fn ptrace(request: libc::c_uint, child: &Idle, address: usize, data: usize) -> i64 {
    let request = usize::try_from(request).unwrap();
    // SAFETY: every request here takes an address in the child, or numbers.
    unsafe { call(libc::SYS_ptrace, [request, child.number(), address, data]) }
}

fn target(facts: &mut Facts) -> Idle {
    let child = Idle::start();
    facts.set("target", child.number());
    let stat = format!("/proc/{}/stat", child.number());
    facts.set("target_start_ticks", start_ticks(stat));
    facts.set("address", &raw const PLACE as usize);
    child
}

/// Attaches to a child, writes to its memory and its registers, and lets go.
fn trace(facts: &mut Facts) {
    let child = target(facts);
    assert_eq!(ptrace(libc::PTRACE_ATTACH, &child, 0, 0), 0);
    rustix::process::waitpid(Some(child.0), rustix::process::WaitOptions::UNTRACED).unwrap();
    let address = &raw const PLACE as usize;
    // The page is read-only for the child, not for its tracer.
    assert_eq!(ptrace(libc::PTRACE_POKEDATA, &child, address, 7), 0);
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::uninit();
    let place = registers.as_mut_ptr() as usize;
    assert_eq!(ptrace(libc::PTRACE_GETREGS, &child, 0, place), 0);
    assert_eq!(ptrace(libc::PTRACE_SETREGS, &child, 0, place), 0);
    assert_eq!(ptrace(libc::PTRACE_DETACH, &child, 0, 0), 0);
    child.end();
}

fn seize(facts: &mut Facts) {
    let child = target(facts);
    facts.set("result", ptrace(libc::PTRACE_SEIZE, &child, 0, 0));
    child.end();
}

/// A child that asks to be traced.
fn trace_me(facts: &mut Facts) {
    let child = crate::call::fork(|| {
        let facts = Facts::of("traced");
        let request = usize::try_from(libc::PTRACE_TRACEME).unwrap();
        // SAFETY: numbers only.
        assert_eq!(unsafe { call(libc::SYS_ptrace, [request, 0, 0, 0]) }, 0);
        facts.print();
        0
    });
    facts.set("child", child.as_raw_nonzero().get());
    wait(child);
}

/// Writes into a child's stack.
fn write(facts: &mut Facts) {
    let place = 1_u64;
    let child = target(facts);
    let bytes = 7_u64.to_ne_bytes();
    let local = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: (&raw const place).cast_mut().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    // SAFETY: the first vector points to eight bytes here, the second to eight in the child.
    let result = unsafe {
        call(
            libc::SYS_process_vm_writev,
            [
                child.number(),
                &raw const local as usize,
                1,
                &raw const remote as usize,
                1,
                0,
            ],
        )
    };
    facts.set("result", result);
    child.end();
}

/// Opens a child's memory for writing, as a file.
fn process(facts: &mut Facts) {
    let child = target(facts);
    let path = format!("/proc/{}/mem", child.number());
    let memory = open(&path, OFlags::RDWR, Mode::empty()).unwrap();
    facts.set_open_file(memory);
    facts.set("path", path);
    child.end();
}

fn map_file(facts: &mut Facts, path: &str) {
    let file = open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    let all = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
    // SAFETY: a mapping of its own, that nothing is kept in.
    let address =
        unsafe { mmap(std::ptr::null_mut(), PAGE, all, MapFlags::PRIVATE, &file, 0).unwrap() };
    facts.set("address", address as usize);
    facts.set("length", PAGE);
}

/// Makes memory executable that is writable already.
fn protect(facts: &mut Facts, act: &str) {
    let writable = ProtFlags::READ | ProtFlags::WRITE;
    let all = MprotectFlags::READ | MprotectFlags::WRITE | MprotectFlags::EXEC;
    // SAFETY: a mapping of its own, that nothing is kept in.
    let address = unsafe {
        mmap_anonymous(std::ptr::null_mut(), 4 * PAGE, writable, MapFlags::PRIVATE).unwrap()
    };
    let place = address as usize + PAGE;
    // SAFETY: likewise.
    unsafe {
        if act == "protect" {
            mprotect(place as *mut c_void, 2 * PAGE, all).unwrap();
        } else {
            let key = usize::MAX;
            let bits = usize::try_from(all.bits()).unwrap();
            let result = call(libc::SYS_pkey_mprotect, [place, 2 * PAGE, bits, key]);
            assert_eq!(result, 0);
        }
    }
    facts.set("address", place);
    facts.set("length", 2 * PAGE);
}
