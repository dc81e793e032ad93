use std::time::Duration;

use sensor_common::flags;

use super::record::{
    ExecPart, ExitPart, FilePart, NetworkPart, ParentPart, ProcessPart, Record, RecordName,
};
use crate::{
    capture::{PathSource, WallClock},
    event::{
        AF_INET, AF_INET6, AF_UNIX, Act, Endpoint, Event, ExecFacts, ExitStatus, FileId, ProcessId,
        Socket,
    },
    state::{Image, Process, ProcessTable},
};

/// A path that the resolver made absolute, with its origin.
pub(super) type ResolvedPath<'a> = (&'a [u8], PathSource);

/// Makes output records from events and process state.
#[derive(Clone, Copy, Debug)]
pub struct RecordBuilder {
    /// For wall-clock times.
    pub clock: WallClock,
}

impl RecordBuilder {
    /// The record of an event. `path` and `target` are its resolved paths;
    /// `killed_after` is set for the end of a process that the sensor killed.
    #[must_use]
    pub fn event(
        &self,
        event: &Event<'_>,
        table: &ProcessTable,
        killed_after: Option<Duration>,
        path: Option<ResolvedPath<'_>>,
        target: Option<ResolvedPath<'_>>,
    ) -> Record {
        let mut record = Record::new(name(&event.act), self.clock.rfc3339(event.time));
        let mut process = self.process(event.process, table);
        process.tid = Some(event.tid);
        match &event.act {
            Act::Exec(exec) => {
                process.args_truncated = event.flags & flags::ARGS_TRUNCATED != 0;
                record.exec = Some(exec_part(&exec.facts, Some(exec.filename)));
            }
            Act::Exit(exit) => {
                let killed_after_us = killed_after.map(|time| time.as_secs_f64() * 1e6);
                record.exit = Some(match exit.status {
                    ExitStatus::Code(code) => ExitPart {
                        code: Some(code),
                        signal: None,
                        killed_after_us,
                    },
                    ExitStatus::Signal(signal) => ExitPart {
                        code: None,
                        signal: Some(signal),
                        killed_after_us,
                    },
                });
            }
            Act::Connect(socket)
            | Act::Bind(socket)
            | Act::Listen(socket)
            | Act::Accept(socket) => {
                record.network = Some(network_part(socket, event.flags));
            }
            Act::Fork(_) | Act::Open(_) | Act::Unlink(_) | Act::Rename(_) | Act::Chmod(_) => {}
        }
        record.file = path.and_then(|path| file_part(event, path, target));
        record.process = Some(process);
        record
    }

    /// The record of a process that was there before the sensor.
    #[must_use]
    pub fn snapshot(&self, process: &Process, table: &ProcessTable) -> Record {
        let time = self.clock.rfc3339(process.id.start);
        let mut record = Record::new(RecordName::ProcessSnapshot, time);
        record.process = Some(self.process(process.id, table));
        record.exec = process
            .image
            .as_deref()
            .map(|image| exec_part(&image.facts, None));
        record
    }

    /// A process with all that is known of it.
    #[must_use]
    pub fn process(&self, id: ProcessId, table: &ProcessTable) -> ProcessPart {
        let known = table.get(id);
        let id = known.map_or(id, |process| process.id);
        let mut part = ProcessPart {
            pid: id.tgid.0,
            start_time: self.clock.rfc3339(id.start),
            start_boottime_ns: id.start.0,
            ..ProcessPart::default()
        };
        let Some(process) = known else { return part };
        part.parent = process.parent.map(|parent| ParentPart {
            pid: parent.tgid.0,
            start_boottime_ns: parent.start.0,
            exe: table
                .get(parent)
                .and_then(|parent| parent.image.as_deref())
                .map(|image| text(&image.exe)),
        });
        if let Some(image) = &process.image {
            describe_image(&mut part, image);
        }
        part
    }
}

fn describe_image(part: &mut ProcessPart, image: &Image) {
    let facts = &image.facts;
    part.exe = Some(text(&image.exe));
    part.args = Some(image.arguments().map(text).collect());
    part.args_truncated = image.args_total as usize > image.args.len();
    part.cwd = Some(text(&image.cwd));
    part.uid = Some(facts.uid);
    part.gid = Some(facts.gid);
    part.euid = Some(facts.euid);
    part.egid = Some(facts.egid);
    part.cgroup_id = Some(facts.cgroup_id);
    part.pid_namespace = Some(facts.pid_namespace);
    part.mount_namespace = Some(facts.mount_namespace);
}

const fn name(act: &Act<'_>) -> RecordName {
    match act {
        Act::Fork(_) => RecordName::ProcessFork,
        Act::Exec(_) => RecordName::ProcessExec,
        Act::Exit(_) => RecordName::ProcessExit,
        Act::Open(_) => RecordName::FileOpen,
        Act::Unlink(_) => RecordName::FileUnlink,
        Act::Rename(_) => RecordName::FileRename,
        Act::Chmod(_) => RecordName::FileChmod,
        Act::Connect(_) => RecordName::NetworkConnect,
        Act::Bind(_) => RecordName::NetworkBind,
        Act::Listen(_) => RecordName::NetworkListen,
        Act::Accept(_) => RecordName::NetworkAccept,
    }
}

fn exec_part(facts: &ExecFacts, filename: Option<&[u8]>) -> ExecPart {
    ExecPart {
        filename: filename.map(text),
        device: device(facts.file.device),
        inode: facts.file.inode,
        mode: octal(facts.mode),
        owner: facts.owner,
        memfd: facts.memfd,
        deleted: facts.deleted,
        tmpfs: facts.tmpfs,
        interpreted: facts.interpreted,
        stdio: facts.stdio.map(sensor_common::StdioKind::name),
    }
}

fn file_part(
    event: &Event<'_>,
    (path, path_source): ResolvedPath<'_>,
    target: Option<ResolvedPath<'_>>,
) -> Option<FilePart> {
    let mut part = FilePart {
        path: text(path),
        path_source,
        path_truncated: event.flags & (flags::PATH_TRUNCATED | flags::SECOND_PATH_TRUNCATED) != 0,
        target: target.map(|(path, _)| text(path)),
        target_source: target.map(|(_, source)| source),
        device: None,
        inode: None,
        mode: None,
        flags: None,
        created: None,
        directory: None,
    };
    let mut identify = |file: FileId| {
        part.device = file.is_known().then(|| device(file.device));
        part.inode = file.is_known().then_some(file.inode);
    };
    match &event.act {
        Act::Open(open) => {
            identify(open.file);
            part.mode = Some(octal(open.mode));
            part.flags = Some(open.flags);
            part.created = Some(open.created);
        }
        Act::Unlink(unlink) => part.directory = Some(unlink.directory),
        Act::Rename(rename) => part.flags = Some(rename.flags),
        Act::Chmod(chmod) => {
            identify(chmod.file);
            part.mode = Some(octal(chmod.mode));
        }
        Act::Fork(_)
        | Act::Exec(_)
        | Act::Exit(_)
        | Act::Connect(_)
        | Act::Bind(_)
        | Act::Listen(_)
        | Act::Accept(_) => return None,
    }
    Some(part)
}

fn network_part(socket: &Socket<'_>, record_flags: u16) -> NetworkPart {
    let address = |end: Endpoint| end.address.map(|address| address.to_string());
    let port = |end: Endpoint| end.address.map(|_| end.port);
    NetworkPart {
        family: match socket.family {
            AF_INET => String::from("ipv4"),
            AF_INET6 => String::from("ipv6"),
            AF_UNIX => String::from("unix"),
            other => other.to_string(),
        },
        socket_type: match socket.socket_type {
            1 => String::from("stream"),
            2 => String::from("datagram"),
            3 => String::from("raw"),
            other => other.to_string(),
        },
        protocol: socket.protocol,
        local_address: address(socket.local),
        local_port: port(socket.local),
        remote_address: address(socket.remote),
        remote_port: port(socket.remote),
        unix_path: unix_path(socket.unix_name),
        result: socket.result,
        address_from_argument: record_flags & flags::ADDRESS_FROM_ARGUMENT != 0,
    }
}

fn unix_path(name: &[u8]) -> Option<String> {
    match name {
        [] => None,
        [0, rest @ ..] => Some(format!("@{}", text(rest))),
        path => Some(text(path.split(|&byte| byte == 0).next().unwrap_or(path))),
    }
}

/// The kernel's form of a device number (`include/linux/kdev_t.h`).
fn device(device: u32) -> String {
    format!("{}:{}", device >> 20, device & 0xf_ffff)
}

fn octal(mode: u16) -> String {
    format!("{:04o}", mode & 0o7777)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_forms() {
        assert_eq!(device(0x0080_0001), "8:1");
        assert_eq!(octal(0o104_755), "4755");
        assert_eq!(unix_path(b"\0bus").as_deref(), Some("@bus"));
        assert_eq!(unix_path(b"/run/x\0\0").as_deref(), Some("/run/x"));
        assert_eq!(unix_path(b""), None);
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
    }
}
