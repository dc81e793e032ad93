//! Mounts on the kernel's own objects: LSM and trampoline tiers.

use sensor_common::{FileRecord, RecordKind, flags};

use crate::{
    arguments::{Arguments, security_hook},
    global::offset,
    path::Place,
    read::probe,
    record::emit,
    task::Task,
};

/// `int security_sb_mount(const char *dev_name, const struct path *path, const
/// char *type, unsigned long flags, void *data)` (5.10 to 7.2). The strings are
/// the kernel's copies.
#[inline(always)]
fn sb_mount(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let (source, place, file_system) = (
        context.address(0),
        Place::of_path(context.address(1)),
        context.address(2),
    );
    emit(
        RecordKind::FileMount,
        task,
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.flags = context.number(3) as u32;
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);
            record.second_path_length = builder.kernel_path(source);
            record.text_length = builder.kernel_string(file_system);
        },
    );
}
security_hook!(lsm_sb_mount, fentry_sb_mount, sb_mount);

/// `int security_move_mount(const struct path *from_path, const struct path
/// *to_path)` (5.10 to 7.2).
#[inline(always)]
fn move_mount(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let (from, to) = (
        Place::of_path(context.address(0)),
        Place::of_path(context.address(1)),
    );
    emit(
        RecordKind::FileMount,
        task,
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.path_length = builder.path(to, flags::PATH_TRUNCATED);
            record.second_path_length = builder.path(from, flags::SECOND_PATH_TRUNCATED);
        },
    );
}
security_hook!(lsm_move_mount, fentry_move_mount, move_mount);

/// `int security_sb_umount(struct vfsmount *mnt, int flags)` (5.10 to 7.2).
#[inline(always)]
fn sb_umount(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let mount = context.address(0);
    let place = Place {
        mount,
        dentry: probe(mount, offset!(vfsmount_root)).unwrap_or(core::ptr::null()),
    };
    emit(
        RecordKind::FileUnmount,
        task,
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.flags = context.number(1) as u32;
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);
        },
    );
}
security_hook!(lsm_sb_umount, fentry_sb_umount, sb_umount);
