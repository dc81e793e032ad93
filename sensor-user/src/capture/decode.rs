use sensor_common::{
    ExecRecord, ExitRecord, FileRecord, ForkRecord, NetworkRecord, RecordHeader, RecordKind,
    StdioKind, exe_flags,
};
use thiserror::Error;
use zerocopy::FromBytes;

use super::BootTime;
use crate::event::{
    Act, Chmod, Endpoint, Event, Exec, ExecFacts, Exit, ExitStatus, FileId, Fork, Open, ProcessId,
    RecordPath, Rename, Socket, Tgid, Unlink,
};

/// Why a record was skipped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than its header says, or than its kind needs.
    #[error("torn record: {found} bytes where {needed} are needed")]
    Torn {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        needed: usize,
    },
    /// A kind that this agent does not know.
    #[error("unknown record kind {tag}")]
    UnknownKind {
        /// The tag.
        tag: u16,
    },
    /// The parts of the tail do not add up to its length.
    #[error("a part of {length} bytes goes beyond the record's end")]
    TailOverrun {
        /// The part's length.
        length: usize,
    },
}

/// Decodes one record. Trusts no length and no tag.
pub fn decode(record: &[u8]) -> Result<Event<'_>, DecodeError> {
    let (header, rest) = fixed::<RecordHeader>(record)?;
    let length = header.length as usize;
    if length > record.len() || length < size_of::<RecordHeader>() {
        return Err(DecodeError::Torn {
            found: record.len(),
            needed: length,
        });
    }
    let body = &rest[..length - size_of::<RecordHeader>()];
    let kind =
        RecordKind::from_tag(header.kind).ok_or(DecodeError::UnknownKind { tag: header.kind })?;
    let act = match kind {
        RecordKind::ProcessFork => Act::Fork(fork(body)?),
        RecordKind::ProcessExec => Act::Exec(exec(body)?),
        RecordKind::ProcessExit => Act::Exit(exit(body)?),
        RecordKind::FileOpen => Act::Open(open(body)?),
        RecordKind::FileUnlink => Act::Unlink(unlink(body)?),
        RecordKind::FileRename => Act::Rename(rename(body)?),
        RecordKind::FileChmod => Act::Chmod(chmod(body)?),
        RecordKind::NetworkConnect => Act::Connect(socket(body)?),
        RecordKind::NetworkBind => Act::Bind(socket(body)?),
        RecordKind::NetworkListen => Act::Listen(socket(body)?),
        RecordKind::NetworkAccept => Act::Accept(socket(body)?),
    };
    Ok(Event {
        time: BootTime(header.time),
        process: process(header.tgid, header.start_time),
        tid: header.tid,
        flags: header.flags,
        act,
    })
}

fn fixed<T: FromBytes>(bytes: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Torn {
        found: bytes.len(),
        needed: size_of::<T>(),
    })
}

const fn process(tgid: u32, start: u64) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(start),
    }
}

/// Takes parts off the tail, front to back.
struct Tail<'a>(&'a [u8]);

impl<'a> Tail<'a> {
    fn part(&mut self, length: u16) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(length);
        let (part, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(DecodeError::TailOverrun { length })?;
        self.0 = rest;
        Ok(part)
    }

    fn path(&mut self, base: u16, path: u16) -> Result<RecordPath<'a>, DecodeError> {
        Ok(RecordPath {
            base: self.part(base)?,
            path: self.part(path)?,
        })
    }
}

fn fork(body: &[u8]) -> Result<Fork, DecodeError> {
    let (record, _) = fixed::<ForkRecord>(body)?;
    Ok(Fork {
        parent: process(record.parent_tgid, record.parent_start_time),
        creator: Tgid(record.creator_tgid),
    })
}

fn exec(body: &[u8]) -> Result<Exec<'_>, DecodeError> {
    let (record, tail) = fixed::<ExecRecord>(body)?;
    let mut tail = Tail(tail);
    let flag = |bit| record.exe_flags & bit != 0;
    Ok(Exec {
        parent: process(record.parent_tgid, record.parent_start_time),
        facts: ExecFacts {
            file: FileId {
                device: record.exe_device,
                inode: record.exe_inode,
            },
            change_time: record.exe_change_time,
            mode: record.exe_mode,
            owner: record.exe_owner,
            memfd: flag(exe_flags::MEMFD),
            deleted: flag(exe_flags::DELETED),
            tmpfs: flag(exe_flags::TMPFS),
            interpreted: flag(exe_flags::INTERPRETED),
            uid: record.uid,
            gid: record.gid,
            euid: record.euid,
            egid: record.egid,
            cgroup_id: record.cgroup_id,
            pid_namespace: record.pid_namespace,
            mount_namespace: record.mount_namespace,
            stdio: record.stdio.map(StdioKind::from_tag),
        },
        exe: tail.part(record.exe_length)?,
        cwd: tail.part(record.cwd_length)?,
        filename: tail.part(record.filename_length)?,
        args: tail.part(record.args_length)?,
        args_total: record.args_total,
    })
}

fn exit(body: &[u8]) -> Result<Exit, DecodeError> {
    let (record, _) = fixed::<ExitRecord>(body)?;
    Ok(Exit {
        parent: Tgid(record.parent_tgid),
        status: ExitStatus::from_wait_status(record.status),
    })
}

/// Permission and type bits fit 16 bits; anything above is not the kernel's.
const fn mode(mode: u32) -> u16 {
    (mode & 0xffff) as u16
}

fn open(body: &[u8]) -> Result<Open<'_>, DecodeError> {
    let (record, tail) = fixed::<FileRecord>(body)?;
    Ok(Open {
        path: Tail(tail).path(record.base_length, record.path_length)?,
        file: FileId {
            device: record.device,
            inode: record.inode,
        },
        mode: mode(record.mode),
        flags: record.open_flags,
        created: record.created != 0,
    })
}

fn unlink(body: &[u8]) -> Result<Unlink<'_>, DecodeError> {
    /// `include/uapi/linux/fcntl.h`
    const AT_REMOVEDIR: u32 = 0x200;
    let (record, tail) = fixed::<FileRecord>(body)?;
    Ok(Unlink {
        path: Tail(tail).path(record.base_length, record.path_length)?,
        directory: record.open_flags & AT_REMOVEDIR != 0,
    })
}

fn rename(body: &[u8]) -> Result<Rename<'_>, DecodeError> {
    let (record, tail) = fixed::<FileRecord>(body)?;
    let mut tail = Tail(tail);
    Ok(Rename {
        from: tail.path(record.base_length, record.path_length)?,
        to: tail.path(record.second_base_length, record.second_path_length)?,
        flags: record.open_flags,
    })
}

fn chmod(body: &[u8]) -> Result<Chmod<'_>, DecodeError> {
    let (record, tail) = fixed::<FileRecord>(body)?;
    Ok(Chmod {
        path: Tail(tail).path(record.base_length, record.path_length)?,
        file: FileId {
            device: record.device,
            inode: record.inode,
        },
        mode: mode(record.mode),
    })
}

fn socket(body: &[u8]) -> Result<Socket<'_>, DecodeError> {
    let (record, tail) = fixed::<NetworkRecord>(body)?;
    Ok(Socket {
        family: record.family,
        socket_type: record.socket_type,
        protocol: record.protocol,
        local: Endpoint::new(record.family, record.local_address, record.local_port),
        remote: Endpoint::new(record.family, record.remote_address, record.remote_port),
        unix_name: Tail(tail).part(record.path_length)?,
        result: record.result,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    use super::*;

    fn record(kind: u16, fixed: &[u8], tail: &[u8]) -> Vec<u8> {
        let length = size_of::<RecordHeader>() + fixed.len() + tail.len();
        let header = RecordHeader {
            length: u32::try_from(length).unwrap(),
            kind,
            flags: 3,
            time: 1_000,
            start_time: 900,
            tgid: 7,
            tid: 8,
        };
        [header.as_bytes(), fixed, tail].concat()
    }

    #[test]
    fn an_exec_keeps_every_part() {
        let fixed = ExecRecord {
            parent_tgid: 1,
            parent_start_time: 11,
            exe_inode: 99,
            exe_device: 0x80_0001,
            exe_flags: exe_flags::MEMFD | exe_flags::TMPFS,
            euid: 5,
            args_total: 4,
            exe_length: 3,
            cwd_length: 1,
            filename_length: 2,
            args_length: 4,
            stdio: [4, 3, 200],
            ..ExecRecord::default()
        };
        let bytes = record(1, fixed.as_bytes(), b"/ab/xya\0b\0");
        let event = decode(&bytes).unwrap();
        assert_eq!(event.process, process(7, 900));
        assert_eq!(
            (event.tid, event.flags, event.time),
            (8, 3, BootTime(1_000))
        );
        let Act::Exec(exec) = event.act else {
            panic!("{event:?}")
        };
        assert_eq!(exec.parent, process(1, 11));
        assert_eq!((exec.exe, exec.cwd), (&b"/ab"[..], &b"/"[..]));
        assert_eq!((exec.filename, exec.args), (&b"xy"[..], &b"a\0b\0"[..]));
        assert!(exec.facts.memfd && exec.facts.tmpfs && !exec.facts.deleted);
        assert_eq!(
            exec.facts.stdio,
            [StdioKind::Socket, StdioKind::Pipe, StdioKind::Other]
        );
        assert_eq!(
            exec.facts.file,
            FileId {
                device: 0x80_0001,
                inode: 99
            }
        );
    }

    #[test]
    fn a_rename_has_two_paths() {
        let fixed = FileRecord {
            base_length: 2,
            path_length: 1,
            second_path_length: 4,
            open_flags: 1,
            ..FileRecord::default()
        };
        let bytes = record(5, fixed.as_bytes(), b"/da/e/f");
        let Act::Rename(rename) = decode(&bytes).unwrap().act else {
            panic!()
        };
        assert_eq!(
            rename.from,
            RecordPath {
                base: b"/d",
                path: b"a"
            }
        );
        assert_eq!(
            rename.to,
            RecordPath {
                base: b"",
                path: b"/e/f"
            }
        );
        assert_eq!(rename.flags, 1);
    }

    #[test]
    fn lengths_beyond_the_record_are_refused() {
        let fixed = FileRecord {
            path_length: 9,
            ..FileRecord::default()
        };
        let bytes = record(3, fixed.as_bytes(), b"/short");
        assert_eq!(decode(&bytes), Err(DecodeError::TailOverrun { length: 9 }));

        let mut bytes = record(2, ExitRecord::default().as_bytes(), b"");
        bytes[0] = 0xff;
        assert_eq!(
            decode(&bytes),
            Err(DecodeError::Torn {
                found: 40,
                needed: 255
            })
        );
        bytes[0] = 3;
        assert!(matches!(decode(&bytes), Err(DecodeError::Torn { .. })));
    }

    #[test]
    fn an_unknown_kind_is_told_from_a_torn_record() {
        let bytes = record(999, b"", b"");
        assert_eq!(decode(&bytes), Err(DecodeError::UnknownKind { tag: 999 }));
        assert!(matches!(
            decode(b""),
            Err(DecodeError::Torn { found: 0, .. })
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            kind in 0u16..14,
            fixed in proptest::collection::vec(any::<u8>(), 0..160),
            cut in 0usize..200,
        ) {
            let bytes = record(kind, &fixed, b"");
            let cut = cut.min(bytes.len());
            let _ = decode(&bytes);
            let _ = decode(&bytes[..cut]);
            let _ = decode(&fixed);
        }
    }
}
