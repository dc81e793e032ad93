use sensor_common::{FileRecord, RecordKind, flags};
use serde_json::json;

use super::{builder, json_of, table};
use crate::capture::{PathSource, decode, test_support::record};

#[test]
fn file_kinds_have_what_is_theirs() {
    let fixed = FileRecord {
        inode: 9,
        device: 0x80_0001,
        mode: 0o104_755,
        flags: 0x200,
        created: 1,
        uid: 0x10_0001,
        gid: u32::MAX,
        result: -13,
        path_length: 2,
        second_path_length: 2,
        text_length: 4,
        ..FileRecord::default()
    };
    let common = json!({
        "path": "/a",
        "path_source": "argument",
        "device": "8:1",
        "inode": 9,
        "mode": "4755",
        "result": -13,
    });
    for (kind, own) in [
        (RecordKind::FileUnlink, json!({"directory": true})),
        (RecordKind::FileChmod, json!({})),
        (
            RecordKind::FileRename,
            json!({"target": "/b", "target_source": "argument", "flags": 512}),
        ),
        (
            RecordKind::FileLink,
            json!({"target": "/b", "target_source": "argument"}),
        ),
        (RecordKind::FileSymlink, json!({"link_target": "text"})),
        (RecordKind::FileChown, json!({"uid": 0x10_0001})),
        (
            RecordKind::FileXattr,
            json!({"attribute": "text", "flags": 512}),
        ),
        (RecordKind::FileTruncate, json!({})),
        (
            RecordKind::FileMount,
            json!({"source": "/b", "filesystem": "text", "flags": 512}),
        ),
        (RecordKind::FileUnmount, json!({"flags": 512})),
        (RecordKind::FileWrite, json!({})),
        (RecordKind::FileMap, json!({"protection": ""})),
        (
            RecordKind::MemoryProcess,
            json!({"flags": 512, "target_pid": 0x10_0001}),
        ),
        (RecordKind::KernelSetting, json!({"flags": 512})),
        (
            RecordKind::KernelDevice,
            json!({"flags": 512, "represents": "1:1"}),
        ),
    ] {
        let mut expected = common.clone();
        expected
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let found = json_of(kind, 0, &fixed, b"/a/btext");
        assert_eq!(found["file"], expected, "{}", kind.name());
    }
    let times = |seconds: i64, flags| {
        let [low, high]: [u32; 2] = zerocopy::transmute!(seconds);
        let fixed = FileRecord {
            uid: low,
            gid: high,
            flags,
            ..fixed
        };
        let times = json_of(RecordKind::FileTimes, 0, &fixed, b"/a/btext");
        (
            times["file"]["modified"].clone(),
            times["file"]["backdated"].clone(),
        )
    };
    assert_eq!(times(-5, 3), (json!(-5), json!(true)));
    assert_eq!(times(1 << 40, 2), (json!(1_u64 << 40), json!(false)));
    assert_eq!(times(7, 1), (json!(null), json!(null)));
    let open = json_of(RecordKind::FileOpen, 0, &fixed, b"/a/btext");
    assert_eq!(open["file"]["created"], true);
    assert!(open["file"].get("result").is_none());
    assert!(open["file"].get("watched").is_none());
    for (watched, told) in [(1, "identity"), (2, "name")] {
        let fixed = FileRecord { watched, ..fixed };
        let open = json_of(RecordKind::FileOpen, 0, &fixed, b"/a/btext");
        assert_eq!(open["file"]["watched"], told);
    }
}

#[test]
fn what_is_not_known_of_a_file_is_absent() {
    let kind = RecordKind::FileTruncate;
    let record = json_of(kind, flags::ATTEMPT, &FileRecord::default(), b"");
    assert_eq!(
        record["file"],
        json!({"path": "", "path_source": "argument"})
    );
}

#[test]
fn a_path_in_its_file_system_says_so() {
    let fixed = FileRecord {
        path_length: 2,
        ..FileRecord::default()
    };
    let bytes = record(RecordKind::FileWrite, 0, &fixed, b"/a");
    let event = decode(&bytes).unwrap();
    let path = Some((&b"/a"[..], PathSource::FileSystem));
    let record = builder().event(&event, &table(), None, path, None);
    assert_eq!(
        serde_json::to_value(record).unwrap()["file"]["path_source"],
        "file_system"
    );
}
