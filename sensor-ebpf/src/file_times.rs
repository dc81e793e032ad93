//! Times of files that are set to others than now: by system call in every tier. The
//! security hook on changes of inodes is asked by overlayfs, too, as often as it copies
//! a file up: what it says would look like forgeries.

use sensor_common::{FileRecord, RecordKind, time_flags};

use crate::{
    file_call::{CURRENT_DIRECTORY, by_descriptor, by_name},
    read::user,
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

/// Access and modification, as the caller asks for them: seconds and what there is of
/// the next one.
struct Times([(i64, i64); 2]);

/// `include/uapi/linux/stat.h`
const UTIME_NOW: i64 = (1 << 30) - 1;
const UTIME_OMIT: i64 = (1 << 30) - 2;

/// What a call's memory holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `struct utimbuf`: seconds only.
    Seconds,
    /// `struct timeval` and `struct timespec`.
    Fractions,
}

/// `utime`, `utimes`, `futimesat`, `utimensat`.
#[inline(always)]
fn times(task: Task, call: Syscall) {
    let plain = |format, address| ((CURRENT_DIRECTORY, call.argument(0)), address, format);
    let at = (call.argument(0) as i32, call.argument(1));
    let (place, address, format) = match (call.compat, call.number) {
        (false, 132) | (true, 30) => plain(Format::Seconds, call.argument(1)),
        (false, 235) | (true, 271) => plain(Format::Fractions, call.argument(1)),
        _ => (at, call.argument(2), Format::Fractions),
    };
    // `utimensat_time64` is the one call of the 32-bit table with wide words.
    let narrow = call.compat && call.number != 412;
    if call.result != 0 || address == 0 {
        return;
    }
    let Some(Times([accessed, modified])) = read(address, narrow, format) else {
        return;
    };
    // Only `utimensat` knows these, and nothing else can have such fractions.
    let is_given = |(_, fraction): (i64, i64)| fraction != UTIME_NOW && fraction != UTIME_OMIT;
    let mut given = 0;
    if is_given(accessed) {
        given |= time_flags::ACCESSED;
    }
    if is_given(modified) {
        given |= time_flags::MODIFIED;
    }
    if given == 0 {
        return;
    }
    let kind = RecordKind::FileTimes;
    let fill = move |record: &mut FileRecord| {
        record.flags = given;
        record.uid = modified.0 as u32;
        record.gid = (modified.0 >> 32) as u32;
    };
    if place.1 == 0 {
        by_descriptor(task, call, kind, fill);
    } else {
        by_name(task, call, kind, place, 0, fill);
    }
}
syscall_exit!(exit_times, exit_times_second; times);
function_exits!(
    times,
    fexit_x64_utime,
    fexit_x64_utimes,
    fexit_x64_futimesat,
    fexit_x64_utimensat,
    fexit_ia32_utime32,
    fexit_ia32_utimes_time32,
    fexit_ia32_futimesat_time32,
    fexit_ia32_utimensat_time32,
    fexit_ia32_utimensat
);

/// Both times; `None` where they cannot be read any more.
#[inline(always)]
fn read(address: u64, narrow: bool, format: Format) -> Option<Times> {
    let word = |index: u64| {
        if narrow {
            user::<i32>(address.wrapping_add(index * 4)).map(i64::from)
        } else {
            user::<i64>(address.wrapping_add(index * 8))
        }
    };
    Some(Times(match format {
        Format::Seconds => [(word(0)?, 0), (word(1)?, 0)],
        Format::Fractions => [(word(0)?, word(1)?), (word(2)?, word(3)?)],
    }))
}
