//! Times of files that are set to others than now.
//!
//! Not by the security hook on changes of inodes: overlayfs asks it, too, as often as
//! it copies a file up with its times, and what it says would look like forgeries.

use aya_ebpf::{macros::fentry, programs::FEntryContext};
use sensor_common::{FileRecord, RecordKind, flags, time_flags};

use crate::{
    arguments::Arguments,
    file::describe_dentry,
    file_call::{CURRENT_DIRECTORY, argument_path, describe_descriptor, scene},
    path::Place,
    process::compat_flag,
    read::{probe, user},
    record::emit,
    syscall::{Syscall, syscall_exit},
    task::Task,
};

/// What a caller asks for.
#[derive(Clone, Copy)]
struct Times {
    /// Bits of [`time_flags`].
    given: u32,
    /// Seconds, which mean nothing unless the time of the last modification is given.
    modified: i64,
}

impl Times {
    /// From the seconds and what there is of the next one, of access and
    /// modification; `None` where both are now or stay.
    #[inline(always)]
    fn of(access: (i64, i64), modification: (i64, i64)) -> Option<Self> {
        let mut given = 0;
        if is_given(access.1) {
            given |= time_flags::ACCESSED;
        }
        if is_given(modification.1) {
            given |= time_flags::MODIFIED;
        }
        (given != 0).then_some(Self {
            given,
            modified: modification.0,
        })
    }

    #[inline(always)]
    fn tell(self, record: &mut FileRecord) {
        record.flags = self.given;
        record.uid = self.modified as u32;
        record.gid = (self.modified >> 32) as u32;
    }
}

/// Whether a time is given, by its fraction of a second: no other than these two is as
/// long as a second.
#[inline(always)]
const fn is_given(fraction: i64) -> bool {
    /// `include/uapi/linux/stat.h`
    const UTIME_NOW: i64 = (1 << 30) - 1;
    const UTIME_OMIT: i64 = (1 << 30) - 2;
    fraction != UTIME_NOW && fraction != UTIME_OMIT
}

/// `int vfs_utimes(const struct path *path, struct timespec64 *times)`
/// (`fs/utimes.c`; 5.10 to 7.2): what all of the system calls come to.
#[fentry]
pub(crate) fn fentry_vfs_utimes(context: FEntryContext) -> i32 {
    let times = context.address(1);
    if times.is_null() {
        return 0;
    }
    let word = |index: usize| probe::<i64>(times, index * size_of::<i64>()).unwrap_or_default();
    let (Some(task), Some(times)) = (
        Task::watched(),
        Times::of((word(0), word(1)), (word(2), word(3))),
    ) else {
        return 0;
    };
    let place = Place::of_path(context.address(0));
    emit(
        RecordKind::FileTimes,
        task.on(place.surroundings()),
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            times.tell(record);
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);

            describe_dentry(record, place.dentry);
        },
    );
    0
}

/// `utime`, `utimes`, `futimesat`, `utimensat`.
#[inline(always)]
fn times(task: Task, call: Syscall) {
    let (place, address) = match (call.compat, call.number) {
        (false, 132 | 235) | (true, 30 | 271) => {
            ((CURRENT_DIRECTORY, call.argument(0)), call.argument(1))
        }
        _ => (
            (call.argument(0) as i32, call.argument(1)),
            call.argument(2),
        ),
    };
    if call.result != 0 || address == 0 {
        return;
    }
    // `utimensat_time64` is the one call of the 32-bit table with wide words.
    let narrow = call.compat && call.number != 412;
    let word = |index: u64| {
        let word = if narrow {
            user::<i32>(address.wrapping_add(index * 4)).map(i64::from)
        } else {
            user::<i64>(address.wrapping_add(index * 8))
        };
        word.unwrap_or_default()
    };
    let seconds_only = matches!((call.compat, call.number), (false, 132) | (true, 30));
    let times = if seconds_only {
        Times::of((word(0), 0), (word(1), 0))
    } else {
        Times::of((word(0), word(1)), (word(2), word(3)))
    };
    let Some(times) = times else { return };
    emit(
        RecordKind::FileTimes,
        task.on(scene(place)),
        |builder, record: &mut FileRecord| {
            compat_flag(builder, call);
            times.tell(record);
            if place.1 == 0 {
                describe_descriptor(builder, record, task, place.0 as u32);
            } else {
                (record.base_length, record.path_length) =
                    argument_path(builder, task, place, flags::PATH_TRUNCATED);
            }
        },
    );
}
syscall_exit!(exit_times, exit_times_second; times);
