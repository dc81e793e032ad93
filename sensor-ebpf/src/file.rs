//! File acts on the kernel's own objects: LSM and trampoline tiers, and the
//! parts that the tracepoint tier shares.

use sensor_common::{FileRecord, RecordKind, flags, watch_flags, watched_by};

use crate::{
    arguments::{Arguments, security_hook},
    global::{self, offset},
    object::Object,
    path::{Named, Place},
    read::{Address, opaque, probe},
    reads,
    record::emit,
    repeat::Scene,
    special,
    task::Task,
    watch::is_watched,
    watched_name,
};

/// Stands for flags that a hook is not told.
const FLAGS_UNKNOWN: u32 = u32::MAX;
/// `include/linux/fs.h`
const FMODE_READ: u32 = 1;
pub(crate) const FMODE_WRITE: u32 = 2;
const FMODE_CREATED: u32 = 1 << 20;
/// Opened by the kernel on behalf of another file: overlayfs does so.
const FMODE_NO_ACCOUNT: u32 = 1 << 29;
/// Opened as a place only: nothing can be read or written (`O_PATH`).
const FMODE_PATH: u32 = 1 << 14;

/// A file that was opened. `open_flags` are those asked for; `None` takes the
/// file's own.
#[inline(always)]
pub(crate) fn opened(task: Task, file: Object, open_flags: Option<u32>, record_flags: u16) {
    let mode: u32 = file.member(offset!(file_mode));
    if mode & (FMODE_NO_ACCOUNT | FMODE_PATH) != 0 {
        return;
    }
    let Some(inode) = file.follow(offset!(file_inode)) else {
        return;
    };
    let written = mode & (FMODE_WRITE | FMODE_CREATED) != 0;
    if !written {
        reads::count(task, file, inode);
    }
    let watched = watched(file, inode, mode);
    let special = special::kind_of(file, inode, written);
    let alone = watched != watched_by::NOTHING || special.is_some();
    if !alone && !written {
        return;
    }
    let kind = special.unwrap_or(RecordKind::FileOpen);
    let special = special::number(kind, inode);
    let place = Place::of_file(file);
    let open_flags = open_flags.unwrap_or_else(|| file.member(offset!(file_flags)));
    let mut scene = place.scene();
    // The same name may be another file's, or be opened for something else.
    scene.object ^= inode.member::<u64>(offset!(inode_number)) << 8
        ^ u64::from(open_flags) << 32
        ^ u64::from(mode);
    if alone {
        // No flood beside it may hide it, not even under pressure.
        scene.place = scene.object;
    }
    let who = task.on(scene).always_if(alone);
    emit(kind, who, |builder, record: &mut FileRecord| {
        builder.mark(record_flags);
        if alone {
            builder.keep();
        }
        record.flags = open_flags;
        record.created = u32::from(mode & FMODE_CREATED != 0);
        record.uid = special;
        record.watched = watched;

        describe_inode(record, inode);
        record.path_length = builder.path(place, flags::PATH_TRUNCATED);
    });
}

/// How an opened file is known to be one whose reading is watched
/// ([`watched_by`]).
#[inline(always)]
fn watched(file: Object, inode: Object, mode: u32) -> u16 {
    let Some(named) = Named::of_file(file) else {
        return watched_by::NOTHING;
    };
    if is_watched(named, inode, watch_flags::READ) {
        watched_by::IDENTITY
    } else if mode & FMODE_READ != 0
        && special::is_regular(inode)
        && watched_name::is_watched(file, named)
    {
        watched_by::NAME
    } else {
        watched_by::NOTHING
    }
}

#[inline(always)]
pub(crate) fn describe_inode(record: &mut FileRecord, inode: Object) {
    record.inode = inode.member(offset!(inode_number));
    record.mode = u32::from(inode.member::<u16>(offset!(inode_mode)));
    if let Some(super_block) = inode.follow(offset!(inode_super_block)) {
        record.device = super_block.member(offset!(super_block_device));
    }
}

/// Fills in what the dentry's inode tells, if the name is there.
#[inline(always)]
pub(crate) fn describe_dentry(record: &mut FileRecord, dentry: Address) {
    if let Some(inode) = probe::<Address>(dentry, offset!(dentry_inode))
        && !inode.is_null()
    {
        describe_inode(record, Object::untyped(inode));
    }
}

/// `int security_file_open(struct file *file)` (`security/security.c`; 5.10 to
/// 7.2). Runs once the file is complete but for its `open` method.
#[inline(always)]
fn file_open(context: &impl Arguments) {
    if let (Some(task), Some(file)) = (Task::watched(), context.object(0)) {
        opened(task, file, None, flags::ATTEMPT);
    }
}
security_hook!(lsm_file_open, fentry_file_open, file_open);

/// `int security_path_unlink(const struct path *dir, struct dentry *dentry)`
/// (5.10 to 7.2).
#[inline(always)]
fn path_unlink(context: &impl Arguments) {
    removed(context, 0);
}
security_hook!(lsm_path_unlink, fentry_path_unlink, path_unlink);

/// `int security_path_rmdir(const struct path *dir, struct dentry *dentry)`
/// (5.10 to 7.2).
#[inline(always)]
fn path_rmdir(context: &impl Arguments) {
    /// `include/uapi/linux/fcntl.h`
    const AT_REMOVEDIR: u32 = 0x200;
    removed(context, AT_REMOVEDIR);
}
security_hook!(lsm_path_rmdir, fentry_path_rmdir, path_rmdir);

#[inline(always)]
fn removed(context: &impl Arguments, call_flags: u32) {
    let Some(task) = Task::watched() else { return };
    let (directory, dentry) = (context.address(0), context.address(1));
    let place = Place::below(directory, dentry);
    emit(
        RecordKind::FileUnlink,
        task.on(place.scene()),
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.flags = call_flags;
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);

            describe_dentry(record, dentry);
        },
    );
}

/// `int security_path_rename(const struct path *old_dir, struct dentry
/// *old_dentry, const struct path *new_dir, struct dentry *new_dentry, unsigned
/// int flags)` (5.10 to 7.2; the LSM hook has the flags after 5.10).
#[inline(always)]
fn path_rename(context: &impl Arguments, has_flags: bool) {
    let Some(task) = Task::watched() else { return };
    let (old_directory, old) = (context.address(0), context.address(1));
    let (new_directory, new) = (context.address(2), context.address(3));
    let call_flags = if has_flags {
        context.number(4) as u32
    } else {
        FLAGS_UNKNOWN
    };
    two_names(
        task,
        RecordKind::FileRename,
        call_flags,
        old,
        Place::below(old_directory, old),
        Place::below(new_directory, new),
    );
}

#[aya_ebpf::macros::lsm]
pub(crate) fn lsm_path_rename(context: aya_ebpf::programs::LsmContext) -> i32 {
    path_rename(&context, global::rename_has_flags());
    0
}

#[aya_ebpf::macros::fentry]
pub(crate) fn fentry_path_rename(context: aya_ebpf::programs::FEntryContext) -> i32 {
    path_rename(&context, true);
    0
}

/// `int security_path_link(struct dentry *old_dentry, const struct path
/// *new_dir, struct dentry *new_dentry)` (5.10 to 7.2). A hard link stays on
/// its mount: the new name's serves for the old one.
#[inline(always)]
fn path_link(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let (old, directory, new) = (context.address(0), context.address(1), context.address(2));
    two_names(
        task,
        RecordKind::FileLink,
        0,
        old,
        Place::below(directory, old),
        Place::below(directory, new),
    );
}
security_hook!(lsm_path_link, fentry_path_link, path_link);

#[inline(always)]
fn two_names(
    task: Task,
    kind: RecordKind,
    call_flags: u32,
    dentry: Address,
    from: Place,
    to: Place,
) {
    let mut scene = from.surroundings();
    if matches!(kind, RecordKind::FileRename) {
        scene.object = from.scene().object ^ to.scene().object.rotate_left(1);
    }
    emit(kind, task.on(scene), |builder, record: &mut FileRecord| {
        builder.mark(flags::ATTEMPT);
        record.flags = call_flags;
        record.path_length = builder.path(from, flags::PATH_TRUNCATED);
        record.second_path_length = builder.path(to, flags::SECOND_PATH_TRUNCATED);

        describe_dentry(record, dentry);
    });
}

/// `int security_path_symlink(const struct path *dir, struct dentry *dentry,
/// const char *old_name)` (5.10 to 7.2).
#[inline(always)]
fn path_symlink(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let place = Place::below(context.address(0), context.address(1));
    let target = context.address(2);
    emit(
        RecordKind::FileSymlink,
        task.on(place.surroundings()),
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);
            record.text_length = builder.kernel_path(target);
        },
    );
}
security_hook!(lsm_path_symlink, fentry_path_symlink, path_symlink);

/// `int security_path_chmod(const struct path *path, umode_t mode)` (5.10 to
/// 7.2).
#[inline(always)]
fn path_chmod(context: &impl Arguments) {
    let mode = context.number(1) as u32 & 0o7777;
    changed(context, RecordKind::FileChmod, Some(mode), 0, 0);
}
security_hook!(lsm_path_chmod, fentry_path_chmod, path_chmod);

/// `int security_path_chown(const struct path *path, kuid_t uid, kgid_t gid)`
/// (5.10 to 7.2).
#[inline(always)]
fn path_chown(context: &impl Arguments) {
    let (uid, gid) = (context.number(1) as u32, context.number(2) as u32);
    changed(context, RecordKind::FileChown, None, uid, gid);
}
security_hook!(lsm_path_chown, fentry_path_chown, path_chown);

/// `int chown_common(const struct path *path, uid_t user, gid_t group)`
/// (`fs/open.c`): in place of the hook on 5.10, which takes no program on a
/// function with structures for arguments.
#[aya_ebpf::macros::fentry]
pub(crate) fn fentry_chown_common(context: aya_ebpf::programs::FEntryContext) -> i32 {
    path_chown(&context);
    0
}

/// `int security_path_truncate(const struct path *path)` (5.10 to 7.2).
#[inline(always)]
fn path_truncate(context: &impl Arguments) {
    changed(context, RecordKind::FileTruncate, None, 0, 0);
}
security_hook!(lsm_path_truncate, fentry_path_truncate, path_truncate);

/// An act on a `struct path`, the hook's first argument.
#[inline(always)]
fn changed(context: &impl Arguments, kind: RecordKind, mode: Option<u32>, uid: u32, gid: u32) {
    let Some(task) = Task::watched() else { return };
    let place = Place::of_path(context.address(0));
    emit(
        kind,
        task.on(place.surroundings()),
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.uid = uid;
            record.gid = gid;
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);

            describe_dentry(record, place.dentry);
            if let Some(mode) = mode {
                record.mode = mode;
            }
        },
    );
}

/// `int security_file_truncate(struct file *file)` (6.2 to 7.2; `ftruncate`
/// runs `path_truncate` before).
#[inline(always)]
fn file_truncate(context: &impl Arguments) {
    let (Some(task), Some(file)) = (Task::watched(), context.object(0)) else {
        return;
    };
    on_file(task, file, RecordKind::FileTruncate, 0, flags::ATTEMPT);
}
security_hook!(lsm_file_truncate, fentry_file_truncate, file_truncate);

/// `int security_file_permission(struct file *file, int mask)` (5.10 to 7.2).
/// Runs for every read and write: attached only when writes are watched.
#[inline(always)]
fn file_permission(context: &impl Arguments) {
    /// `include/linux/fs.h`
    const MAY_WRITE: u64 = 2;
    if context.number(1) & MAY_WRITE == 0 {
        return;
    }
    if let Some(file) = context.object(0) {
        written(file, flags::ATTEMPT);
    }
}
security_hook!(lsm_file_permission, fentry_file_permission, file_permission);

/// A file that is written to: recorded when it is watched.
#[inline(always)]
pub(crate) fn written(file: Object, record_flags: u16) {
    let Some(inode) = file.follow(offset!(file_inode)) else {
        return;
    };
    if Named::of_file(file).is_some_and(|named| is_watched(named, inode, watch_flags::WRITE))
        && let Some(task) = Task::watched()
    {
        on_file(task, file, RecordKind::FileWrite, 0, record_flags);
    }
}

/// An act on an open file.
#[inline(always)]
pub(crate) fn on_file(
    task: Task,
    file: Object,
    kind: RecordKind,
    call_flags: u32,
    record_flags: u16,
) {
    let place = Place::of_file(file);
    let scene = if matches!(kind, RecordKind::FileWrite) {
        // Recorded only when it is watched: nothing may hide it.
        Scene::of(place.scene().object)
    } else {
        place.surroundings()
    };
    emit(kind, task.on(scene), |builder, record: &mut FileRecord| {
        builder.mark(record_flags);
        record.flags = call_flags;
        record.path_length = builder.path(place, flags::PATH_TRUNCATED);

        if let Some(inode) = file.follow(offset!(file_inode)) {
            describe_inode(record, inode);
        }
    });
}

/// `int security_inode_setxattr(struct dentry *dentry, const char *name, …)`,
/// with the mount's id map first since 5.12 (to 7.2).
#[inline(always)]
fn inode_setxattr(context: &impl Arguments) {
    let Some(task) = Task::watched() else { return };
    let (dentry, name, call_flags) = if global::xattr_has_idmap() {
        (
            opaque(context.address(1)),
            opaque(context.address(2)),
            opaque(context.address(5)) as u32,
        )
    } else {
        (
            context.address(0),
            context.address(1),
            context.number(4) as u32,
        )
    };
    let place = Place::guessed(task, dentry);
    emit(
        RecordKind::FileXattr,
        task.on(place.surroundings()),
        |builder, record: &mut FileRecord| {
            builder.mark(flags::ATTEMPT);
            record.flags = call_flags;
            record.path_length = builder.path(place, flags::PATH_TRUNCATED);
            record.text_length = builder.kernel_string(name);

            describe_dentry(record, dentry);
        },
    );
}
security_hook!(lsm_inode_setxattr, fentry_inode_setxattr, inode_setxattr);
