//! Building a record in a scratch slot: header, fixed part, tail.

use aya_ebpf::helpers::generated::{
    bpf_ktime_get_boot_ns, bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user,
    bpf_probe_read_user_str,
};
use sensor_common::{
    FixedPart, RecordHeader, RecordKind, flags,
    limits::{ARGS_MAX, DNS_MAX, PATH_MAX, RECORD_MAX},
};

use crate::{
    counters::{self, Fate},
    exclude,
    path::{self, Place},
    read::{Address, masked},
    repeat, ring,
    scratch::{Claimed, with_scratch},
    task::{Sign, Task},
    unrecorded, zero,
};

const HEADER: usize = size_of::<RecordHeader>();

/// Bit of [`crate::scratch::Scratch::flags`] above those of the record: who acts
/// is not who runs. Those of [`exclude`] are others.
const BY_ANOTHER: u64 = 1 << 34;

/// A record under construction.
///
/// All of it lies in the scratch slot, the fixed part and the flags too. The
/// verifier does not follow what is in there: what a program found out about one
/// field does not multiply the ways through the rest.
pub(crate) struct Builder<'a> {
    claimed: &'a mut Claimed,
}

/// Builds a record of `kind` about an act of `who`, and submits it, unless it is
/// one of too many of its kind. `fill` gets the fixed part, all zero, and appends
/// the tail. False when there was no room to build it in, which is counted as a
/// loss.
#[inline(always)]
pub(crate) fn emit<F: FixedPart>(
    kind: RecordKind,
    who: impl Sign + Copy,
    fill: impl FnOnce(&mut Builder<'_>, &mut F),
) -> bool {
    if exclude::is_by(kind, &who) {
        counters::count(kind, Fate::Excluded);
        return true;
    }
    if kind.may_be_counted() && repeat::is_counted(kind, &who) {
        counters::count(kind, Fate::Counted);
        return true;
    }
    build(kind, who, |builder, fixed| {
        fill(builder, fixed);
        true
    })
}

/// Like [`emit`], for acts of which it shows only in the building whether they
/// are worth a record: `fill` says so.
#[inline(always)]
pub(crate) fn emit_if<F: FixedPart>(
    kind: RecordKind,
    who: impl Sign + Copy,
    fill: impl FnOnce(&mut Builder<'_>, &mut F) -> bool,
) -> bool {
    build(kind, who, |builder, fixed| {
        if !fill(builder, fixed) {
            return false;
        }
        if exclude::is_by(kind, &who) {
            counters::count(kind, Fate::Excluded);
            return false;
        }
        let counted = repeat::is_counted(kind, &who);
        if counted {
            counters::count(kind, Fate::Counted);
        }
        !counted
    })
}

/// Builds a record and submits it if `fill` wants it so.
#[inline(always)]
fn build<F: FixedPart>(
    kind: RecordKind,
    who: impl Sign + Copy,
    fill: impl FnOnce(&mut Builder<'_>, &mut F) -> bool,
) -> bool {
    // SAFETY: the helper has no preconditions.
    let time = unsafe { bpf_ktime_get_boot_ns() };
    let served = with_scratch(|claimed| {
        let record = claimed.scratch.record.as_mut_ptr();
        // SAFETY: header and fixed part are aligned like words and lie within
        // RECORD_MAX; the builder appends behind them.
        let (header, fixed) = unsafe {
            zero::words(record, (HEADER + size_of::<F>()) / size_of::<u64>());
            (
                &mut *record.cast::<RecordHeader>(),
                &mut *record.add(HEADER / size_of::<u64>()).cast::<F>(),
            )
        };
        header.time = time;
        header.kind = kind.tag();
        who.sign(header);
        claimed.scratch.length = (HEADER + size_of::<F>()) as u64;
        claimed.scratch.flags = 0;
        let mut builder = Builder { claimed };
        if !fill(&mut builder, fixed) {
            return;
        }
        let length = builder.claimed.scratch.length;
        header.length = length as u32;
        let marks = builder.claimed.scratch.flags;
        if exclude::is_there(kind, marks, header.mount_namespace) {
            counters::count(kind, Fate::Excluded);
            return;
        }
        let mut marks = marks as u16;
        // Hooks on kernel objects see io_uring's work like any other.
        if marks & (flags::ATTEMPT | flags::RESULT_UNKNOWN) != 0
            && builder.claimed.scratch.flags & BY_ANOTHER == 0
            && Task::current().works_for_io_uring()
        {
            marks |= flags::IO_URING;
        }
        header.flags = marks;
        // SAFETY: the slot has RECORD_MAX bytes.
        if !unsafe { ring::submit(kind, record.cast(), length as usize) } {
            lose(kind, header.tgid, header.start_time);
        }
    });
    if !served {
        let (tgid, start_time) = who.identity();
        lose(kind, tgid, start_time);
    }
    served
}

/// A record found no room. What the process did is known all the same, by its
/// number.
#[inline(always)]
fn lose(kind: RecordKind, tgid: u32, start_time: u64) {
    counters::count(kind, Fate::Lost);
    if kind.may_be_counted() {
        unrecorded::count_unrecorded(u64::from(kind.tag()), tgid, start_time);
    }
}

impl Builder<'_> {
    /// Sets bits of [`flags`].
    #[inline(always)]
    pub(crate) fn mark(&mut self, bits: u16) {
        self.claimed.scratch.flags |= u64::from(bits);
    }

    /// Says that who acts is not who runs.
    #[inline(always)]
    pub(crate) fn by_another(&mut self) {
        self.claimed.scratch.flags |= BY_ANOTHER;
    }

    /// Keeps the record, whatever directories the policy excludes.
    #[inline(always)]
    pub(crate) fn keep(&mut self) {
        self.claimed.scratch.flags |= exclude::PATH_OUTSIDE;
    }

    /// Room for `chunk` more bytes, as a place the verifier can bound.
    #[inline(always)]
    fn room(&mut self, chunk: usize) -> Option<*mut u8> {
        let at = masked::<0x7fff>(self.claimed.scratch.length as usize);
        if at > RECORD_MAX - chunk {
            return None;
        }
        // SAFETY: `at + chunk` is at most RECORD_MAX.
        Some(unsafe {
            self.claimed
                .scratch
                .record
                .as_mut_ptr()
                .cast::<u8>()
                .add(at)
        })
    }

    /// Appends the path of a place; sets `truncated` when it was cut.
    #[inline(always)]
    pub(crate) fn path(&mut self, place: Place, truncated: u16) -> u16 {
        let walked = path::walk(self.claimed, place);
        if walked.truncated {
            self.mark(truncated);
        }
        if place.mount.is_null() {
            self.mark(flags::PATH_IN_FILE_SYSTEM);
        }
        if walked.start >= PATH_MAX {
            self.mark(flags::PATH_UNREADABLE);
            return 0;
        }
        if exclude::looks_at_paths() {
            let length = PATH_MAX - walked.start;
            let excluded =
                exclude::path_is_excluded(self.claimed.number, walked.start as u32, length as u32);
            self.claimed.scratch.flags |= if excluded == 0 {
                exclude::PATH_OUTSIDE
            } else {
                exclude::PATH_INSIDE
            };
        }
        let start = masked::<0xfff>(walked.start);
        let length = PATH_MAX - start;
        let source = self.claimed.scratch.path.as_ptr();
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

    /// Appends a zero-terminated kernel string of at most [`PATH_MAX`] bytes,
    /// without the zero.
    #[inline(always)]
    pub(crate) fn kernel_path(&mut self, from: Address) -> u16 {
        let Some(place) = self.room(PATH_MAX) else {
            return 0;
        };
        // SAFETY: `room` gave the bytes.
        let result =
            unsafe { bpf_probe_read_kernel_str(place.cast(), PATH_MAX as u32, from.cast()) };
        self.appended_string(result, PATH_MAX)
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
            self.mark(flags::PATH_UNREADABLE);
        }
        self.appended_string(result, PATH_MAX)
    }

    /// Appends a zero-terminated user string of at most 255 bytes, without the
    /// zero.
    #[inline(always)]
    pub(crate) fn user_string(&mut self, from: u64) -> u16 {
        const CHUNK: usize = 256;
        let Some(place) = self.room(CHUNK) else {
            return 0;
        };
        // SAFETY: `room` gave the bytes.
        let result =
            unsafe { bpf_probe_read_user_str(place.cast(), CHUNK as u32, from as *const _) };
        self.appended_string(result, CHUNK)
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

    /// Appends `length` bytes of a packet, at most [`DNS_MAX`].
    #[inline(always)]
    pub(crate) fn packet_bytes(&mut self, from: Address, length: usize) -> u16 {
        let Some(place) = self.room(512) else {
            return 0;
        };
        let length = masked::<0x1ff>(length.min(DNS_MAX));
        // SAFETY: `room` gave 512 bytes.
        let result = unsafe { bpf_probe_read_kernel(place.cast(), length as u32, from.cast()) };
        self.appended(result, length)
    }

    #[inline(always)]
    fn appended(&mut self, result: i64, length: usize) -> u16 {
        if result != 0 {
            return 0;
        }
        self.claimed.scratch.length += length as u64;
        length as u16
    }

    #[inline(always)]
    fn appended_string(&mut self, result: i64, chunk: usize) -> u16 {
        if result <= 0 || result > chunk as i64 {
            return 0;
        }
        let length = masked::<0x1fff>(result as usize - 1);
        self.claimed.scratch.length += length as u64;
        length as u16
    }
}
