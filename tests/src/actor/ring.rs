//! The same work through `io_uring`: no system call of it is to be seen.

use std::{ffi::CString, os::fd::AsRawFd};

use io_uring::{IoUring, opcode, squeue, types};
use rustix::fs::{Mode, OFlags, open};

use crate::{facts::Facts, ring_network};

/// A ring, and how its work is to be done.
pub(crate) struct Ring {
    ring: IoUring,
    flags: squeue::Flags,
}

/// `ring [async-|polled-]ACT [PATH [PATH]]`.
///
/// `async-` makes a worker thread of the kernel do it, `polled-` has a thread
/// of the kernel take it from the ring, without any call of the process.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    let (flags, act) = match act.strip_prefix("async-") {
        Some(act) => (squeue::Flags::ASYNC, act),
        None => (squeue::Flags::empty(), act),
    };
    let mut builder = IoUring::builder();
    let act = match act.strip_prefix("polled-") {
        Some(act) => {
            builder.setup_sqpoll(1_000);
            act
        }
        None => act,
    };
    let mut ring = Ring {
        ring: builder.build(8).unwrap(),
        flags,
    };
    let result = match act {
        "create" | "read" | "unlink" | "rename" | "write" => {
            on_file(&mut ring, &mut facts, act, arguments)
        }
        act => ring_network::act(&mut ring, &mut facts, act),
    };
    facts.set("result", result);
    facts.print();
}

impl Ring {
    /// Hands one entry over and waits for what came of it.
    pub(crate) fn submit(&mut self, entry: squeue::Entry) -> i32 {
        let entry = entry.flags(self.flags);
        // SAFETY: what the entry points to lives until its completion is there, below.
        unsafe { self.ring.submission().push(&entry) }.unwrap();
        self.ring.submit_and_wait(1).unwrap();
        let completion = self.ring.completion().next().unwrap();
        completion.result()
    }
}

fn on_file(ring: &mut Ring, facts: &mut Facts, act: &str, arguments: &[&str]) -> i32 {
    let paths: Vec<CString> = arguments
        .iter()
        .map(|path| CString::new(*path).unwrap())
        .collect();
    let path = paths[0].as_ptr();
    let here = types::Fd(libc::AT_FDCWD);
    match act {
        "create" => {
            let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY;
            let open = opcode::OpenAt::new(here, path).flags(flags).mode(0o640);
            let result = ring.submit(open.build());
            if result >= 0 {
                facts.set_file(arguments[0]);
            }
            result
        }
        "read" => {
            facts.set_file(arguments[0]);
            ring.submit(opcode::OpenAt::new(here, path).build())
        }
        "unlink" => {
            facts.set_file(arguments[0]);
            ring.submit(opcode::UnlinkAt::new(here, path).build())
        }
        "rename" => {
            facts.set_file(arguments[0]);
            let to = paths[1].as_ptr();
            ring.submit(opcode::RenameAt::new(here, path, here, to).build())
        }
        _ => {
            facts.set_file(arguments[0]);
            let file = open(arguments[0], OFlags::WRONLY, Mode::empty()).unwrap();
            let bytes = b"words";
            let length = u32::try_from(bytes.len()).unwrap();
            let write = opcode::Write::new(types::Fd(file.as_raw_fd()), bytes.as_ptr(), length);
            ring.submit(write.build())
        }
    }
}
