//! Building a record in a scratch slot: header, fixed part, tail.

use core::ptr;

use aya_ebpf::helpers::generated::{
    bpf_ktime_get_boot_ns, bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user,
    bpf_probe_read_user_str,
};
use aya_ebpf::programs::BtfTracePointContext;
use aya_log_ebpf::warn;
use sensor_common::{
    RecordHeader, RecordKind, flags,
    limits::{ARGS_MAX, PATH_MAX, RECORD_MAX},
};

use crate::{
    counters,
    path::{self},
    read::{Address, masked},
    ring,
    scratch::{Scratch, with_scratch},
    task::Identity,
};

const HEADER: usize = size_of::<RecordHeader>();

/// A record under construction.
pub(crate) struct Builder<'a> {
    scratch: &'a mut Scratch,
    length: usize,
    pub(crate) flags: u16,
}

/// Builds a record of `kind` with the fixed part that `fill` returns, and
/// submits it. `fill` appends the tail.
#[inline(always)]
pub(crate) fn emit<F: Copy>(
    context: &BtfTracePointContext,
    kind: RecordKind,
    identity: Identity,
    fill: impl FnOnce(&mut Builder<'_>) -> F,
) {
    // SAFETY: the helper has no preconditions.
    let time = unsafe { bpf_ktime_get_boot_ns() };
    let served = with_scratch(|scratch| {
        let mut builder = Builder {
            scratch,
            length: HEADER + size_of::<F>(),
            flags: 0,
        };
        let fixed = fill(&mut builder);
        let Builder {
            scratch,
            length,
            flags,
        } = builder;
        let header = RecordHeader {
            length: length as u32,
            kind: kind.tag(),
            flags,
            time,
            start_time: identity.start_time,
            tgid: identity.tgid,
            tid: identity.tid,
        };
        let record = scratch.record.as_mut_ptr();
        // SAFETY: header and fixed part lie within RECORD_MAX; the slot is
        // eight-byte aligned and both sizes are multiples of eight.
        unsafe {
            ptr::write(record.cast(), header);
            ptr::write(record.add(HEADER).cast(), fixed);
            ring::submit(kind, record, length);
        }
    });
    if !served {
        // Hooks nested deeper than there are slots: worth a look by people.
        warn!(
            context,
            "no scratch slot for a record of kind {}",
            kind.tag()
        );
        counters::count(kind, false);
    }
}

impl Builder<'_> {
    /// Room for `chunk` more bytes, as a place the verifier can bound.
    #[inline(always)]
    fn room(&mut self, chunk: usize) -> Option<*mut u8> {
        let at = masked::<0x7fff>(self.length);
        if at > RECORD_MAX - chunk {
            return None;
        }
        // SAFETY: `at + chunk` is at most RECORD_MAX.
        Some(unsafe { self.scratch.record.as_mut_ptr().add(at) })
    }

    /// Appends the path of a `struct path`; sets `truncated` when it was cut.
    #[inline(always)]
    pub(crate) fn path(&mut self, of: Address, truncated: u16) -> u16 {
        let walked = path::unpack(path::walk(self.scratch, of));
        if walked.truncated {
            self.flags |= truncated;
        }
        if walked.start >= PATH_MAX {
            self.flags |= flags::PATH_UNREADABLE;
            return 0;
        }
        let start = masked::<0xfff>(walked.start);
        let length = PATH_MAX - start;
        let source = self.scratch.path.as_ptr();
        let Some(place) = self.room(PATH_MAX) else {
            return 0;
        };
        // SAFETY: `start + length` is PATH_MAX, within the source; `room` gave
        // PATH_MAX bytes.
        let result =
            unsafe { bpf_probe_read_kernel(place.cast(), length as u32, source.add(start).cast()) };
        self.appended(result, length)
    }

    /// Appends a zero-terminated kernel string of at most 255 bytes, without
    /// the zero.
    #[inline(always)]
    pub(crate) fn kernel_string(&mut self, from: Address) -> u16 {
        const CHUNK: usize = 256;
        let Some(place) = self.room(CHUNK) else {
            return 0;
        };
        // SAFETY: `room` gave the bytes.
        let result = unsafe { bpf_probe_read_kernel_str(place.cast(), CHUNK as u32, from.cast()) };
        self.appended_string(result, CHUNK)
    }

    /// Appends a zero-terminated user string, without the zero.
    #[inline(always)]
    pub(crate) fn user_path(&mut self, from: u64) -> u16 {
        let Some(place) = self.room(PATH_MAX) else {
            return 0;
        };
        // SAFETY: `room` gave the bytes.
        let result =
            unsafe { bpf_probe_read_user_str(place.cast(), PATH_MAX as u32, from as *const _) };
        if result <= 0 {
            self.flags |= flags::PATH_UNREADABLE;
        }
        self.appended_string(result, PATH_MAX)
    }

    /// Appends `length` bytes of user memory, at most [`ARGS_MAX`].
    #[inline(always)]
    pub(crate) fn user_bytes(&mut self, from: u64, length: usize) -> u16 {
        let Some(place) = self.room(ARGS_MAX) else {
            return 0;
        };
        let length = masked::<0x3fff>(length);
        if length > ARGS_MAX {
            return 0;
        }
        // SAFETY: `room` gave ARGS_MAX bytes.
        let result = unsafe { bpf_probe_read_user(place.cast(), length as u32, from as *const _) };
        self.appended(result, length)
    }

    /// Appends `length` bytes of kernel memory, at most 127.
    #[inline(always)]
    pub(crate) fn kernel_bytes(&mut self, from: Address, length: usize) -> u16 {
        let Some(place) = self.room(128) else {
            return 0;
        };
        let length = masked::<0x7f>(length);
        // SAFETY: `room` gave 128 bytes.
        let result = unsafe { bpf_probe_read_kernel(place.cast(), length as u32, from.cast()) };
        self.appended(result, length)
    }

    #[inline(always)]
    fn appended(&mut self, result: i64, length: usize) -> u16 {
        if result != 0 {
            return 0;
        }
        self.length += length;
        length as u16
    }

    #[inline(always)]
    fn appended_string(&mut self, result: i64, chunk: usize) -> u16 {
        if result <= 0 || result > chunk as i64 {
            return 0;
        }
        let length = masked::<0x1fff>(result as usize - 1);
        self.length += length;
        length as u16
    }
}
