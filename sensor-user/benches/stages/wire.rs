//! Records as the kernel programs write them, of ordinary sizes.

use sensor_common::{
    CgroupRecord, CredentialRecord, ExecRecord, ExitRecord, FileRecord, ForkRecord,
    NamespaceRecord, NetworkRecord, RecordHeader, RecordKind, StdioKind, TargetRecord, ValueRecord,
    flags,
};
use zerocopy::{Immutable, IntoBytes};

const PATH: &[u8] = b"/var/lib/application/cache/objects/3f/entry-000417.tmp";
const SECOND_PATH: &[u8] = b"/var/lib/application/cache/objects/3f/entry-000417";
const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
const CGROUP: &[u8] = b"/system.slice/application.service";

/// Who acts, and when, in nanoseconds since boot.
#[derive(Clone, Copy)]
pub(crate) struct Actor {
    /// Process number.
    pub(crate) number: u32,
    /// Start of the process.
    pub(crate) start: u64,
    /// Number of its parent.
    pub(crate) parent: u32,
    /// Start of its parent.
    pub(crate) parent_start: u64,
    /// Time of the act.
    pub(crate) time: u64,
}

/// A record of this kind, of this actor.
pub(crate) fn record(kind: RecordKind, actor: Actor) -> Vec<u8> {
    match kind {
        RecordKind::ProcessFork => fork(actor),
        RecordKind::ProcessExec => exec(actor),
        RecordKind::ProcessExit => {
            let fixed = ExitRecord {
                parent_tgid: actor.parent,
                status: 0,
            };
            assemble(kind, actor, 0, &fixed, &[])
        }
        RecordKind::FileOpen
        | RecordKind::FileTruncate
        | RecordKind::FileWrite
        | RecordKind::FileMap
        | RecordKind::MemoryProcess
        | RecordKind::KernelSetting
        | RecordKind::KernelDevice => open_file(kind, actor),
        RecordKind::FileUnlink
        | RecordKind::FileChmod
        | RecordKind::FileChown
        | RecordKind::FileTimes
        | RecordKind::FileUnmount => named_file(kind, actor, b"", b""),
        RecordKind::FileRename | RecordKind::FileLink => named_file(kind, actor, SECOND_PATH, b""),
        RecordKind::FileSymlink | RecordKind::FileXattr | RecordKind::FileMount => {
            named_file(kind, actor, b"", b"security.capability")
        }
        RecordKind::NetworkConnect
        | RecordKind::NetworkBind
        | RecordKind::NetworkListen
        | RecordKind::NetworkAccept
        | RecordKind::NetworkSend
        | RecordKind::NetworkSocket
        | RecordKind::NetworkStdio => socket(kind, actor, b""),
        RecordKind::NetworkDns => socket(kind, actor, QUESTION),
        RecordKind::ProcessSignal | RecordKind::MemoryPtrace | RecordKind::MemoryWrite => {
            let fixed = TargetRecord {
                start_time: actor.parent_start,
                tgid: actor.parent,
                code: 16,
                ..TargetRecord::default()
            };
            assemble(kind, actor, 0, &fixed, &[])
        }
        RecordKind::CredentialsChange => {
            let fixed = CredentialRecord {
                has_before: 1,
                ..CredentialRecord::default()
            };
            assemble(kind, actor, 0, &fixed, &[])
        }
        RecordKind::CredentialsNamespace => {
            let fixed = NamespaceRecord {
                flags: 0x4000_0000,
                ..NamespaceRecord::default()
            };
            assemble(kind, actor, 0, &fixed, &[])
        }
        RecordKind::ProcessRename
        | RecordKind::ProcessArguments
        | RecordKind::ProcessSession
        | RecordKind::CredentialsKey
        | RecordKind::MemoryMemfd
        | RecordKind::MemoryExecutable
        | RecordKind::MemoryUserfault
        | RecordKind::KernelModule
        | RecordKind::KernelBpf
        | RecordKind::KernelPerf
        | RecordKind::KernelKexec
        | RecordKind::KernelIoUring
        | RecordKind::KernelIoUringWork
        | RecordKind::KernelAudit => values(kind, actor),
        RecordKind::CgroupCreate => {
            let fixed = CgroupRecord {
                id: 4_242,
                path_length: length(CGROUP),
                ..CgroupRecord::default()
            };
            assemble(kind, actor, 0, &fixed, &[CGROUP])
        }
    }
}

/// An act on a file that the kernel had open.
fn open_file(kind: RecordKind, actor: Actor) -> Vec<u8> {
    let fixed = FileRecord {
        inode: 9_001,
        device: 0x80_0001,
        mode: 0o100_644,
        flags: 0o1101,
        created: 1,
        path_length: length(PATH),
        ..FileRecord::default()
    };
    assemble(kind, actor, 0, &fixed, &[PATH])
}

/// An act on a file that the caller named.
fn named_file(kind: RecordKind, actor: Actor, second_path: &[u8], text: &[u8]) -> Vec<u8> {
    let fixed = FileRecord {
        mode: 0o755,
        path_length: length(PATH),
        second_path_length: length(second_path),
        text_length: length(text),
        ..FileRecord::default()
    };
    let tail = [PATH, second_path, text];
    assemble(kind, actor, flags::PATH_FROM_ARGUMENT, &fixed, &tail)
}

fn values(kind: RecordKind, actor: Actor) -> Vec<u8> {
    const NAME: &[u8] = b"application";
    let fixed = ValueRecord {
        values: [5, 1, 7, 0],
        name_length: length(NAME),
        ..ValueRecord::default()
    };
    assemble(kind, actor, 0, &fixed, &[NAME])
}

fn socket(kind: RecordKind, actor: Actor, tail: &[u8]) -> Vec<u8> {
    let mut fixed = NetworkRecord {
        local_port: 43_210,
        remote_port: 443,
        family: 2,
        socket_type: 1,
        protocol: 6,
        path_length: length(tail),
        ..NetworkRecord::default()
    };
    fixed.local_address[..4].copy_from_slice(&[10, 0, 0, 7]);
    fixed.remote_address[..4].copy_from_slice(&[192, 0, 2, 44]);
    assemble(kind, actor, 0, &fixed, &[tail])
}

fn fork(actor: Actor) -> Vec<u8> {
    let fixed = ForkRecord {
        parent_start_time: actor.parent_start,
        parent_tgid: actor.parent,
        creator_tgid: actor.parent,
        clone_flags: 0x0120_0000,
    };
    assemble(RecordKind::ProcessFork, actor, 0, &fixed, &[])
}

fn exec(actor: Actor) -> Vec<u8> {
    const EXE: &[u8] = b"/usr/bin/python3.11";
    const CWD: &[u8] = b"/srv/application";
    const FILENAME: &[u8] = b"/usr/bin/python3";
    const ARGS: &[u8] =
        b"/usr/bin/python3\0-m\0application.worker\0--queue\0default\0--threads\x004\0--log\0info\0";
    let fixed = ExecRecord {
        parent_start_time: actor.parent_start,
        parent_tgid: actor.parent,
        exe_inode: 4_242,
        exe_change_time: 1_700_000_000,
        exe_device: 0x80_0001,
        uid: 1_000,
        gid: 1_000,
        egid: 1_000,
        args_total: u32::from(length(ARGS)),
        exe_length: length(EXE),
        cwd_length: length(CWD),
        filename_length: length(FILENAME),
        args_length: length(ARGS),
        exe_mode: 0o100_755,
        stdio: [StdioKind::Pipe as u8; 3],
        ..ExecRecord::default()
    };
    let tail = [EXE, CWD, FILENAME, ARGS];
    assemble(RecordKind::ProcessExec, actor, 0, &fixed, &tail)
}

fn assemble(
    kind: RecordKind,
    actor: Actor,
    flags: u16,
    fixed: &(impl IntoBytes + Immutable),
    tail: &[&[u8]],
) -> Vec<u8> {
    let tail = tail.concat();
    let size = size_of::<RecordHeader>() + fixed.as_bytes().len() + tail.len();
    let header = RecordHeader {
        length: u32::try_from(size).unwrap_or(u32::MAX),
        kind: kind.tag(),
        flags,
        time: actor.time,
        start_time: actor.start,
        tgid: actor.number,
        tid: actor.number,
        cgroup_id: 77,
        capabilities: 0,
        euid: 1_000,
        mount_namespace: 4_026_531_841,
    };
    [header.as_bytes(), fixed.as_bytes(), &tail].concat()
}

fn length(part: &[u8]) -> u16 {
    u16::try_from(part.len()).unwrap_or(u16::MAX)
}
