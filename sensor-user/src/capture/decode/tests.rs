use proptest::prelude::*;
use sensor_common::{
    CgroupRecord, CredentialRecord, CredentialSet, ExecRecord, ExitRecord, FileRecord, ForkRecord,
    NamespaceRecord, NetworkRecord, StdioKind, exe_flags, flags,
};
use zerocopy::IntoBytes;

use super::{
    test_support::{bytes, header, record},
    *,
};
use crate::event::{FileId, NamespaceFlags, RecordPath};

#[test]
fn an_exec_keeps_every_part() {
    let fixed = ExecRecord {
        parent_tgid: 1,
        parent_start_time: 11,
        exe_inode: 99,
        exe_device: 0x80_0001,
        exe_flags: exe_flags::MEMFD | exe_flags::TMPFS,
        network_namespace: 31,
        user_namespace: 32,
        args_total: 4,
        exe_length: 3,
        cwd_length: 1,
        filename_length: 2,
        args_length: 4,
        stdio: [4, 3, 200],
        ..ExecRecord::default()
    };
    let bytes = record(RecordKind::ProcessExec, 3, &fixed, b"/ab/xya\0b\0");
    let event = decode(&bytes).unwrap();
    assert_eq!(event.process, process_id(7, 900));
    assert_eq!(
        (event.tid, event.flags, event.time),
        (8, 3, BootTime(1_000))
    );
    let standing = Standing {
        euid: 5,
        capabilities: Capabilities(0x1ff_ffff_ffff),
        cgroup_id: 70,
        mount_namespace: 4_026_531_841,
    };
    assert_eq!(event.standing, standing);
    let Act::Exec(exec) = event.act else {
        panic!("{event:?}")
    };
    assert_eq!(exec.parent, process_id(1, 11));
    assert_eq!((exec.exe, exec.cwd), (&b"/ab"[..], &b"/"[..]));
    assert_eq!((exec.filename, exec.args), (&b"xy"[..], &b"a\0b\0"[..]));
    let facts = exec.facts;
    assert!(facts.memfd && facts.tmpfs && !facts.deleted);
    assert_eq!(
        facts.stdio,
        [StdioKind::Socket, StdioKind::Pipe, StdioKind::Other]
    );
    assert_eq!(
        facts.file,
        FileId {
            device: 0x80_0001,
            inode: 99
        }
    );
    assert_eq!((facts.euid, facts.cgroup_id), (5, 70));
    assert_eq!(
        (
            facts.mount_namespace,
            facts.network_namespace,
            facts.user_namespace
        ),
        (4_026_531_841, 31, 32)
    );
}

#[test]
fn a_fork_keeps_its_clone_flags() {
    let fixed = ForkRecord {
        parent_tgid: 1,
        creator_tgid: 2,
        clone_flags: 0x2000_0100,
        ..ForkRecord::default()
    };
    let bytes = record(RecordKind::ProcessFork, 0, &fixed, b"");
    let Act::Fork(fork) = decode(&bytes).unwrap().act else {
        panic!("not a fork")
    };
    assert!(fork.shares_memory());
    assert_eq!(fork.new_namespaces().names().collect::<Vec<_>>(), ["pid"]);
    assert_eq!((fork.parent.tgid, fork.creator), (Tgid(1), Tgid(2)));
}

#[test]
fn a_rename_keeps_both_bases_and_paths() {
    let fixed = FileRecord {
        base_length: 2,
        path_length: 1,
        second_path_length: 4,
        flags: 1,
        ..FileRecord::default()
    };
    let bytes = record(RecordKind::FileRename, 0, &fixed, b"/da/e/f");
    let Act::Rename(rename) = decode(&bytes).unwrap().act else {
        panic!("not a rename")
    };
    assert_eq!(
        rename.subject.path,
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
    assert_eq!(rename.subject.mode, None);
}

#[test]
fn the_text_comes_after_both_paths() {
    let fixed = FileRecord {
        path_length: 2,
        second_path_length: 3,
        text_length: 4,
        flags: 6,
        ..FileRecord::default()
    };
    let bytes = record(RecordKind::FileMount, 0, &fixed, b"/msdaext4");
    let Act::Mount(mount) = decode(&bytes).unwrap().act else {
        panic!("not a mount")
    };
    assert_eq!(mount.subject.path.path, b"/m");
    assert_eq!(
        (mount.source, mount.filesystem),
        (&b"sda"[..], &b"ext4"[..])
    );
    assert_eq!(mount.flags, 6);
}

#[test]
fn all_ones_leave_an_owner_as_it_is() {
    let fixed = FileRecord {
        uid: u32::MAX,
        gid: 0,
        ..FileRecord::default()
    };
    let bytes = record(RecordKind::FileChown, 0, &fixed, b"");
    let Act::Chown(chown) = decode(&bytes).unwrap().act else {
        panic!("not a chown")
    };
    assert_eq!((chown.uid, chown.gid), (None, Some(0)));
}

#[test]
fn a_result_before_the_act_means_nothing() {
    let network = NetworkRecord {
        result: -111,
        ..NetworkRecord::default()
    };
    let file = FileRecord {
        result: -13,
        ..FileRecord::default()
    };
    for (flags, socket_result, file_result) in
        [(0, Some(-111), Some(-13)), (flags::ATTEMPT, None, None)]
    {
        let bytes = record(RecordKind::NetworkConnect, flags, &network, b"");
        let Act::Connect(socket) = decode(&bytes).unwrap().act else {
            panic!("not a connect")
        };
        assert_eq!(socket.result, socket_result);
        let bytes = record(RecordKind::FileUnlink, flags, &file, b"");
        let Act::Unlink(unlink) = decode(&bytes).unwrap().act else {
            panic!("not an unlink")
        };
        assert_eq!(unlink.subject.result, file_result);
    }
}

#[test]
fn the_tail_of_a_question_is_no_name() {
    let fixed = NetworkRecord {
        path_length: 5,
        ..NetworkRecord::default()
    };
    let bytes = record(RecordKind::NetworkDns, 0, &fixed, b"12345rest");
    let Act::Dns(dns) = decode(&bytes).unwrap().act else {
        panic!("not a question")
    };
    assert_eq!(
        (dns.message, dns.socket.unix_name),
        (&b"12345"[..], &b""[..])
    );
}

#[test]
fn credentials_before_are_only_there_when_the_record_says_so() {
    let mut fixed = CredentialRecord {
        after: CredentialSet {
            euid: 0,
            effective: 9,
            ..CredentialSet::default()
        },
        before: CredentialSet {
            euid: 1_000,
            ..CredentialSet::default()
        },
        has_before: 0,
        reserved: 0,
    };
    let change = |fixed: &CredentialRecord| {
        let bytes = record(RecordKind::CredentialsChange, 0, fixed, b"");
        let Act::Credentials(change) = decode(&bytes).unwrap().act else {
            panic!("no change of credentials")
        };
        change
    };
    assert_eq!(change(&fixed).before, None);
    assert_eq!(change(&fixed).after.effective, Capabilities(9));
    fixed.has_before = 1;
    assert_eq!(change(&fixed).before.map(|before| before.euid), Some(1_000));
}

#[test]
fn namespaces_come_in_the_order_of_the_wire() {
    let fixed = NamespaceRecord {
        flags: 0x4000_0000,
        namespaces: [1, 2, 3, 4, 5, 6, 7],
        joined: 1,
        result: 0,
        reserved: 0,
    };
    let bytes = record(RecordKind::CredentialsNamespace, 0, &fixed, b"");
    let Act::Namespaces(change) = decode(&bytes).unwrap().act else {
        panic!("no change of namespaces")
    };
    let found = change.namespaces;
    assert_eq!((found.mount, found.pid, found.network), (1, 2, 3));
    assert_eq!(
        (found.user, found.uts, found.ipc, found.cgroup),
        (4, 5, 6, 7)
    );
    assert!(change.joined);
    assert_eq!(change.flags, NamespaceFlags(0x4000_0000));
}

#[test]
fn a_cgroup_has_its_path() {
    let fixed = CgroupRecord {
        id: 9,
        hierarchy: 1,
        path_length: 5,
        reserved: 0,
    };
    let bytes = record(RecordKind::CgroupCreate, 0, &fixed, b"/a/bc");
    let Act::CgroupCreate(cgroup) = decode(&bytes).unwrap().act else {
        panic!("no cgroup")
    };
    assert_eq!(
        (cgroup.id, cgroup.hierarchy, cgroup.path),
        (9, 1, &b"/a/bc"[..])
    );
}

#[test]
fn lengths_beyond_the_record_are_refused() {
    let fixed = FileRecord {
        path_length: 9,
        ..FileRecord::default()
    };
    let bytes = record(RecordKind::FileOpen, 0, &fixed, b"/short");
    assert_eq!(decode(&bytes), Err(DecodeError::TailOverrun { length: 9 }));

    let mut bytes = record(RecordKind::ProcessExit, 0, &ExitRecord::default(), b"");
    bytes[0] = 0xff;
    assert_eq!(
        decode(&bytes),
        Err(DecodeError::Torn {
            found: 64,
            needed: 255
        })
    );
    bytes[0] = 3;
    assert!(matches!(decode(&bytes), Err(DecodeError::Torn { .. })));
}

#[test]
fn an_unknown_kind_is_told_from_a_torn_record() {
    let bytes = bytes(header(999, 0), b"", b"");
    assert_eq!(decode(&bytes), Err(DecodeError::UnknownKind { tag: 999 }));
    assert!(matches!(
        decode(b""),
        Err(DecodeError::Torn { found: 0, .. })
    ));
}

#[test]
fn every_kind_is_decoded_as_itself() {
    for kind in RecordKind::ALL {
        let bytes = bytes(header(kind.tag(), 0), &[0; 128], b"");
        let event = decode(&bytes).unwrap();
        assert_eq!(event.act.kind(), kind);
        assert_eq!(
            event.act.files().is_some(),
            kind.name().starts_with("file.")
                || matches!(
                    kind,
                    RecordKind::MemoryProcess
                        | RecordKind::KernelSetting
                        | RecordKind::KernelDevice
                ),
            "{}",
            kind.name()
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        kind in 0u16..50,
        flags in any::<u16>(),
        fixed in proptest::collection::vec(any::<u8>(), 0..160),
        cut in 0usize..220,
    ) {
        let bytes = bytes(header(kind, flags), &fixed, b"");
        let cut = cut.min(bytes.len());
        let _ = decode(&bytes);
        let _ = decode(&bytes[..cut]);
        let _ = decode(&fixed);
    }

    #[test]
    fn parts_never_reach_beyond_the_record(
        lengths in proptest::collection::vec(0u16..40, 5),
        tail in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let fixed = FileRecord {
            base_length: lengths[0],
            path_length: lengths[1],
            second_base_length: lengths[2],
            second_path_length: lengths[3],
            text_length: lengths[4],
            ..FileRecord::default()
        };
        let needed: usize = lengths.iter().map(|&length| usize::from(length)).sum();
        let bytes = bytes(header(RecordKind::FileMount.tag(), 0), fixed.as_bytes(), &tail);
        prop_assert_eq!(decode(&bytes).is_ok(), needed <= tail.len());
    }
}
