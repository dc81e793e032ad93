//! Records as a kernel program would write them.

use sensor_common::{RecordHeader, RecordKind};
use zerocopy::{Immutable, IntoBytes};

/// The header of a record of process 7, thread 8, that started at 900 ns and
/// acts at 1000 ns.
pub(crate) fn header(kind: u16, flags: u16) -> RecordHeader {
    RecordHeader {
        length: 0,
        kind,
        flags,
        time: 1_000,
        start_time: 900,
        tgid: 7,
        tid: 8,
        cgroup_id: 70,
        capabilities: 0x1ff_ffff_ffff,
        euid: 5,
        mount_namespace: 4_026_531_841,
    }
}

/// A record of these parts, its length filled in.
pub(crate) fn bytes(header: RecordHeader, fixed: &[u8], tail: &[u8]) -> Vec<u8> {
    let length = size_of::<RecordHeader>() + fixed.len() + tail.len();
    let header = RecordHeader {
        length: u32::try_from(length).unwrap(),
        ..header
    };
    [header.as_bytes(), fixed, tail].concat()
}

/// A record of this kind, with the usual header.
pub(crate) fn record(
    kind: RecordKind,
    flags: u16,
    fixed: &(impl IntoBytes + Immutable),
    tail: &[u8],
) -> Vec<u8> {
    bytes(header(kind.tag(), flags), fixed.as_bytes(), tail)
}
