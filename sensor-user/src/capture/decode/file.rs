//! Acts that are done to a file.

use sensor_common::{FileRecord, time_flags, watched_by};

use super::{DecodeError, reader::Body};
use crate::event::{
    Chmod, Chown, Device, FileId, FileMap, FileSubject, Link, Mount, Open, OpenFlags,
    ProcessMemory, Protection, RecordPath, Rename, SetAttribute, SetTimes, Setting, Symlink, Tgid,
    Truncate, Unlink, Unmount, Watched, Write,
};

/// A file record, its tail taken apart.
struct Parts<'a> {
    record: FileRecord,
    subject: FileSubject<'a>,
    second: RecordPath<'a>,
    text: &'a [u8],
}

fn parts(body: Body<'_>) -> Result<Parts<'_>, DecodeError> {
    let (record, mut tail) = body.split::<FileRecord>()?;
    Ok(Parts {
        subject: FileSubject {
            path: tail.path(record.base_length, record.path_length)?,
            file: FileId {
                device: record.device,
                inode: record.inode,
            },
            mode: (record.mode != 0).then_some(mode(record.mode)),
            result: body.result(record.result),
        },
        second: tail.path(record.second_base_length, record.second_path_length)?,
        text: tail.part(record.text_length)?,
        record,
    })
}

/// Permission and type bits fit 16 bits; anything above is not the kernel's.
const fn mode(mode: u32) -> u16 {
    (mode & 0xffff) as u16
}

pub(super) fn open(body: Body<'_>) -> Result<Open<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Open {
        subject: parts.subject,
        flags: OpenFlags(parts.record.flags),
        created: parts.record.created != 0,
        watched: match parts.record.watched {
            watched_by::IDENTITY => Some(Watched::Identity),
            watched_by::NAME => Some(Watched::Name),
            _ => None,
        },
    })
}

pub(super) fn unlink(body: Body<'_>) -> Result<Unlink<'_>, DecodeError> {
    /// `include/uapi/linux/fcntl.h`
    const AT_REMOVEDIR: u32 = 0x200;
    let parts = parts(body)?;
    Ok(Unlink {
        subject: parts.subject,
        directory: parts.record.flags & AT_REMOVEDIR != 0,
    })
}

pub(super) fn rename(body: Body<'_>) -> Result<Rename<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Rename {
        subject: parts.subject,
        to: parts.second,
        flags: parts.record.flags,
    })
}

pub(super) fn chmod(body: Body<'_>) -> Result<Chmod<'_>, DecodeError> {
    let mut parts = parts(body)?;
    // Zero is a mode like any other here: all permissions taken away.
    parts.subject.mode = Some(mode(parts.record.mode));
    Ok(Chmod {
        subject: parts.subject,
    })
}

pub(super) fn set_times(body: Body<'_>) -> Result<SetTimes<'_>, DecodeError> {
    let parts = parts(body)?;
    let (low, high) = (parts.record.uid, parts.record.gid);
    let modified = (u64::from(high) << 32 | u64::from(low)).cast_signed();
    Ok(SetTimes {
        subject: parts.subject,
        modified: (parts.record.flags & time_flags::MODIFIED != 0).then_some(modified),
    })
}

pub(super) fn link(body: Body<'_>) -> Result<Link<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Link {
        subject: parts.subject,
        to: parts.second,
    })
}

pub(super) fn symlink(body: Body<'_>) -> Result<Symlink<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Symlink {
        subject: parts.subject,
        leads_to: parts.text,
    })
}

pub(super) fn chown(body: Body<'_>) -> Result<Chown<'_>, DecodeError> {
    let parts = parts(body)?;
    let changed = |id: u32| (id != u32::MAX).then_some(id);
    Ok(Chown {
        subject: parts.subject,
        uid: changed(parts.record.uid),
        gid: changed(parts.record.gid),
    })
}

pub(super) fn set_attribute(body: Body<'_>) -> Result<SetAttribute<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(SetAttribute {
        subject: parts.subject,
        attribute: parts.text,
        flags: parts.record.flags,
    })
}

pub(super) fn truncate(body: Body<'_>) -> Result<Truncate<'_>, DecodeError> {
    Ok(Truncate {
        subject: parts(body)?.subject,
    })
}

pub(super) fn mount(body: Body<'_>) -> Result<Mount<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Mount {
        subject: parts.subject,
        source: parts.second.path,
        filesystem: parts.text,
        flags: parts.record.flags,
    })
}

pub(super) fn unmount(body: Body<'_>) -> Result<Unmount<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Unmount {
        subject: parts.subject,
        flags: parts.record.flags,
    })
}

pub(super) fn write(body: Body<'_>) -> Result<Write<'_>, DecodeError> {
    Ok(Write {
        subject: parts(body)?.subject,
    })
}

pub(super) fn map(body: Body<'_>) -> Result<FileMap<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(FileMap {
        subject: parts.subject,
        protection: Protection(parts.record.flags.into()),
    })
}

pub(super) fn process_memory(body: Body<'_>) -> Result<ProcessMemory<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(ProcessMemory {
        subject: parts.subject,
        flags: OpenFlags(parts.record.flags),
        target: Tgid(parts.record.uid),
    })
}

pub(super) fn setting(body: Body<'_>) -> Result<Setting<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Setting {
        subject: parts.subject,
        flags: OpenFlags(parts.record.flags),
    })
}

pub(super) fn device(body: Body<'_>) -> Result<Device<'_>, DecodeError> {
    let parts = parts(body)?;
    Ok(Device {
        subject: parts.subject,
        flags: OpenFlags(parts.record.flags),
        represents: parts.record.uid,
    })
}
