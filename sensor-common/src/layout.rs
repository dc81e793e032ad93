//! The sizes on the wire. A change here is a change of the wire format.

use crate::{
    CgroupRecord, CredentialRecord, ExecRecord, ExitRecord, FileRecord, ForkRecord, KindCounters,
    NamespaceRecord, NetworkRecord, Offsets, ReadCounts, RecordHeader, RecordKind, SyscallAct,
    SyscallTable, TargetRecord, UnrecordedCounts, UnrecordedKey, ValueRecord, WatchedNameKey,
    limits,
};

#[test]
fn sizes_are_what_the_other_side_expects() {
    assert_eq!(size_of::<RecordHeader>(), 56);
    assert_eq!(size_of::<ForkRecord>(), 24);
    assert_eq!(size_of::<ExecRecord>(), 88);
    assert_eq!(size_of::<ExitRecord>(), 8);
    assert_eq!(size_of::<FileRecord>(), 48);
    assert_eq!(size_of::<NetworkRecord>(), 56);
    assert_eq!(size_of::<CgroupRecord>(), 16);
    assert_eq!(size_of::<TargetRecord>(), 32);
    assert_eq!(size_of::<CredentialRecord>(), 88);
    assert_eq!(size_of::<NamespaceRecord>(), 48);
    assert_eq!(size_of::<ValueRecord>(), 40);
    assert_eq!(size_of::<KindCounters>(), 40);
    assert_eq!(size_of::<UnrecordedKey>(), 16);
    assert_eq!(size_of::<UnrecordedCounts>(), 512);
    assert_eq!(size_of::<WatchedNameKey>(), 96);
    assert_eq!(size_of::<ReadCounts>(), 16);
}

#[test]
fn records_keep_eight_byte_alignment_for_the_ring() {
    for size in [
        size_of::<RecordHeader>(),
        size_of::<ForkRecord>(),
        size_of::<ExecRecord>(),
        size_of::<ExitRecord>(),
        size_of::<FileRecord>(),
        size_of::<NetworkRecord>(),
        size_of::<CgroupRecord>(),
        size_of::<TargetRecord>(),
        size_of::<CredentialRecord>(),
        size_of::<NamespaceRecord>(),
        size_of::<ValueRecord>(),
    ] {
        assert_eq!(size % 8, 0);
    }
}

#[test]
fn the_longest_exec_fits_the_record_bound() {
    let longest = size_of::<RecordHeader>()
        + size_of::<ExecRecord>()
        + 2 * limits::PATH_MAX
        + limits::FILENAME_MAX
        + limits::ARGS_MAX;
    assert!(longest <= limits::RECORD_MAX, "{longest}");
}

#[test]
fn tags_are_dense_and_round_trip() {
    for (tag, kind) in (0u16..).zip(RecordKind::ALL) {
        assert_eq!(kind.tag(), tag);
        assert_eq!(RecordKind::from_tag(tag), Some(kind));
    }
    assert_eq!(RecordKind::from_tag(48), None);
    assert_eq!(RecordKind::from_tag(u16::MAX), None);
}

#[test]
fn the_longest_file_record_fits_the_record_bound() {
    // rename: two paths, each with its base.
    let longest = size_of::<RecordHeader>() + size_of::<FileRecord>() + 4 * limits::PATH_MAX;
    assert!(longest <= limits::RECORD_MAX, "{longest}");
}

#[test]
fn offsets_come_in_the_order_of_their_sources() {
    let count = Offsets::SOURCES.len();
    assert_eq!(size_of::<Offsets>(), count * 4);
    let mut values = [0; Offsets::SOURCES.len()];
    for (value, index) in values.iter_mut().zip(1u32..) {
        *value = index;
    }
    let offsets = Offsets::from_values(values);
    assert_eq!(offsets.task_pid, 1);
    let first = &Offsets::SOURCES[0];
    assert_eq!(
        (first.structure, first.members),
        ("task_struct", &["pid"][..])
    );
    assert_eq!(offsets.unix_address_name as usize, count);
}

#[test]
fn the_syscall_table_keeps_the_two_abis_apart() {
    let acts = SyscallTable::x86_64(SyscallAct::ALL).acts;
    // 2 is open for 64-bit callers and fork for 32-bit ones.
    assert_eq!(acts[2], SyscallAct::Open as u16);
    // 10 is mprotect for 64-bit callers and unlink for 32-bit ones.
    assert_eq!(
        acts[10],
        SyscallAct::Map as u16 | (SyscallAct::Unlink as u16) << 8
    );
    // 437 is openat2 for both.
    assert_eq!(acts[437], SyscallAct::Open as u16 * 0x101);
    // 39 is getpid for 64-bit callers and mkdir for 32-bit ones.
    assert_eq!(acts[39], 0);
    // What nobody wants goes to nobody.
    let few = SyscallTable::x86_64(&[SyscallAct::Open]).acts;
    assert_eq!((few[257], few[87]), (SyscallAct::Open as u16, 0));
}

#[test]
fn no_system_call_has_two_acts() {
    let mut native = [0; SyscallTable::SLOTS];
    let mut compat = [0; SyscallTable::SLOTS];
    for act in SyscallAct::ALL {
        let (of_native, of_compat) = act.numbers();
        for &number in of_native {
            native[usize::from(number)] += 1;
        }
        for &number in of_compat {
            compat[usize::from(number)] += 1;
        }
    }
    assert!(native.iter().chain(&compat).all(|&acts| acts <= 1));
}
