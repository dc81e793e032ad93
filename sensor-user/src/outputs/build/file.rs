use sensor_common::flags;

use super::{ResolvedPath, device, octal, text};
use crate::{
    capture::WallClock,
    event::{Act, Event, FileSubject},
    outputs::record::FilePart,
};

/// The part of an act that is done to a file; `None` for another act.
pub(super) fn part(
    clock: WallClock,
    event: &Event<'_>,
    (path, path_source): ResolvedPath<'_>,
    target: Option<ResolvedPath<'_>>,
) -> Option<FilePart> {
    let (subject, _) = event.act.files()?;
    let mut part = FilePart {
        path_truncated: event.flags & (flags::PATH_TRUNCATED | flags::SECOND_PATH_TRUNCATED) != 0,
        target: target.map(|(path, _)| text(path)),
        target_source: target.map(|(_, source)| source),
        ..of_any(subject, (path, path_source))
    };
    match &event.act {
        Act::Open(open) => {
            part.flags = Some(open.flags.0);
            // A request of io_uring is seen before there is a file.
            part.created = open.subject.file.is_known().then_some(open.created);
            part.watched = open.watched;
            // That the file was opened is what the record says.
            part.result = None;
        }
        Act::Unlink(unlink) => part.directory = Some(unlink.directory),
        // The LSM hook of 5.10 is not told the flags.
        Act::Rename(rename) => part.flags = (rename.flags != u32::MAX).then_some(rename.flags),
        Act::Symlink(symlink) => part.link_target = Some(text(symlink.leads_to)),
        Act::Chown(chown) => {
            part.uid = chown.uid;
            part.gid = chown.gid;
        }
        Act::SetTimes(times) => {
            let now = clock.unix_seconds(event.time);
            part.modified = times.modified;
            part.backdated = times.modified.map(|_| times.backdates(now));
        }
        Act::SetAttribute(set) => {
            part.attribute = Some(text(set.attribute));
            part.flags = Some(set.flags);
        }
        Act::Mount(mount) => {
            part.source = told(mount.source);
            part.filesystem = told(mount.filesystem);
            part.flags = Some(mount.flags);
        }
        Act::Unmount(unmount) => part.flags = Some(unmount.flags),
        Act::FileMap(map) => part.protection = Some(map.protection.letters()),
        Act::ProcessMemory(memory) => {
            part.flags = Some(memory.flags.0);
            part.target_pid = Some(memory.target.0);
        }
        Act::Setting(setting) => part.flags = Some(setting.flags.0),
        Act::Device(opened) => {
            part.flags = Some(opened.flags.0);
            part.represents = Some(device(opened.represents));
        }
        Act::Chmod(_)
        | Act::Link(_)
        | Act::Truncate(_)
        | Act::Write(_)
        | Act::Fork(_)
        | Act::Exec(_)
        | Act::Exit(_)
        | Act::Connect(_)
        | Act::Bind(_)
        | Act::Listen(_)
        | Act::Accept(_)
        | Act::Signal(_)
        | Act::ThreadName(_)
        | Act::ArgumentsMove(_)
        | Act::Session(_)
        | Act::Send(_)
        | Act::MakeSocket(_)
        | Act::Dns(_)
        | Act::Stdio(_)
        | Act::Credentials(_)
        | Act::Namespaces(_)
        | Act::Key(_)
        | Act::Memfd(_)
        | Act::Ptrace(_)
        | Act::RemoteWrite(_)
        | Act::ExecutableMemory(_)
        | Act::Userfault(_)
        | Act::Module(_)
        | Act::Bpf(_)
        | Act::Perf(_)
        | Act::Kexec(_)
        | Act::IoUring(_)
        | Act::IoUringWork(_)
        | Act::Audit(_)
        | Act::CgroupCreate(_) => {}
    }
    Some(part)
}

/// What is told of the file of any act.
fn of_any(subject: &FileSubject<'_>, (path, path_source): ResolvedPath<'_>) -> FilePart {
    let known = subject.file.is_known();
    FilePart {
        path: text(path),
        path_source,
        path_truncated: false,
        target: None,
        target_source: None,
        device: known.then(|| device(subject.file.device)),
        inode: known.then_some(subject.file.inode),
        mode: subject.mode.map(octal),
        flags: None,
        created: None,
        watched: None,
        directory: None,
        uid: None,
        gid: None,
        modified: None,
        backdated: None,
        link_target: None,
        attribute: None,
        source: None,
        filesystem: None,
        protection: None,
        represents: None,
        target_pid: None,
        result: subject.result,
    }
}

/// A text of the kernel's; absent where it has none.
fn told(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| text(bytes))
}
