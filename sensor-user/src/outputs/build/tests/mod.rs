//! From a record's bytes to the JSON that people read.

mod credentials;
mod file;
mod network;
mod target;
mod values;

use proptest::prelude::*;
use sensor_common::{
    CgroupRecord, ExecRecord, ForkRecord, NetworkRecord, RecordKind, ValueRecord, flags,
};
use serde_json::{Value, json};
use zerocopy::{Immutable, IntoBytes};

use super::*;
use crate::{
    capture::{
        decode,
        test_support::{bytes, header, record},
    },
    event::Capabilities,
    hash::{Certainty, NoHash},
    outputs::{render, schema},
    state::{Sha256, TableLimits},
};

fn table() -> ProcessTable {
    ProcessTable::new(TableLimits::default(), 1)
}

fn builder() -> RecordBuilder {
    RecordBuilder {
        clock: WallClock::new(),
    }
}

fn rendered(bytes: &[u8], table: &ProcessTable) -> Value {
    let line = render(bytes, &builder(), table).unwrap().unwrap();
    let value: Value = serde_json::from_slice(&line).unwrap();
    assert_in_schema(&value);
    value
}

fn json_of(
    kind: RecordKind,
    flags: u16,
    fixed: &(impl IntoBytes + Immutable),
    tail: &[u8],
) -> Value {
    rendered(&record(kind, flags, fixed, tail), &table())
}

/// Every key of a record, and of its parts, is in the schema, and every key
/// that the schema requires is there.
fn assert_in_schema(record: &Value) {
    let schema = serde_json::to_value(schema()).unwrap();
    assert_keys(record, &schema);
    for (name, part) in record.as_object().unwrap() {
        if !part.is_object() {
            continue;
        }
        let property = &schema["properties"][name];
        let reference = property["anyOf"][0]["$ref"].as_str().unwrap();
        assert_keys(
            part,
            &schema["$defs"][reference.rsplit('/').next().unwrap()],
        );
    }
}

fn assert_keys(object: &Value, schema: &Value) {
    let object = object.as_object().unwrap();
    for key in object.keys() {
        assert!(
            schema["properties"][key].is_object(),
            "{key} is not in the schema"
        );
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().unwrap();
        assert!(object.contains_key(key), "{key} is required");
    }
}

fn value(values: [u64; 4], result: i32, name: &[u8]) -> ValueRecord {
    ValueRecord {
        values,
        result,
        name_length: u16::try_from(name.len()).unwrap(),
        reserved: 0,
    }
}

#[test]
fn small_forms() {
    assert_eq!(device(0x0080_0001), "8:1");
    assert_eq!(octal(0o104_755), "4755");
    assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
    assert_eq!(some_text(b""), None);
}

#[test]
fn every_kind_is_rendered_under_its_name() {
    for kind in RecordKind::ALL {
        let bytes = bytes(header(kind.tag(), 0), &[0; 128], b"");
        let record = rendered(&bytes, &table());
        assert_eq!(record["kind"], kind.name());
        assert_eq!(record["process"]["pid"], 7);
        assert_eq!(record["process"]["tid"], 8);
        // A record that tells of no more than its process has forgotten a part.
        assert!(record.as_object().unwrap().len() > 3, "{record}");
    }
}

#[test]
fn the_process_shows_the_moment_of_the_act() {
    let fixed = ExecRecord {
        uid: 1_000,
        gid: 1_001,
        egid: 1_002,
        pid_namespace: 21,
        network_namespace: 22,
        user_namespace: 23,
        exe_length: 3,
        ..ExecRecord::default()
    };
    let exec = record(RecordKind::ProcessExec, 0, &fixed, b"/ab");
    let mut table = table();
    table.apply(&decode(&exec).unwrap(), b"", b"");
    let mut later = header(RecordKind::KernelModule.tag(), 0);
    later.euid = 0;
    later.cgroup_id = 71;
    later.capabilities = 3;
    let later = bytes(later, value([0; 4], 0, b"m").as_bytes(), b"m");
    let process = rendered(&later, &table)["process"].clone();
    for (key, expected) in [
        ("uid", json!(1_000)),
        ("gid", json!(1_001)),
        ("egid", json!(1_002)),
        ("pid_namespace", json!(21)),
        ("network_namespace", json!(22)),
        ("user_namespace", json!(23)),
        ("euid", json!(0)),
        ("capabilities", json!("0000000000000003")),
        ("cgroup_id", json!(71)),
        ("mount_namespace", json!(4_026_531_841_u32)),
        ("exe", json!("/ab")),
    ] {
        assert_eq!(process[key], expected, "{key}");
    }

    // A record that is no act shows the last one.
    table.apply(&decode(&later).unwrap(), b"", b"");
    let id = decode(&later).unwrap().process;
    let part = builder().process(id, &table);
    assert_eq!(part.capabilities, Some(Capabilities(3)));
    assert_eq!((part.euid, part.cgroup_id), (Some(0), Some(71)));
}

#[test]
fn attempts_and_doors_are_told() {
    let fixed = NetworkRecord {
        family: 2,
        result: -111,
        ..NetworkRecord::default()
    };
    let kind = RecordKind::NetworkConnect;
    let plain = json_of(kind, 0, &fixed, b"");
    assert_eq!(plain["network"]["result"], -111);
    assert!(plain.get("attempt").is_none() && plain.get("through").is_none());
    let attempt = json_of(kind, flags::ATTEMPT | flags::IO_URING, &fixed, b"");
    assert_eq!(attempt["attempt"], true);
    assert_eq!(attempt["through"], "io_uring");
    assert!(attempt["network"].get("result").is_none());
    assert_eq!(
        json_of(kind, flags::COMPAT, &fixed, b"")["through"],
        "compat"
    );
}

#[test]
fn a_fork_names_its_new_namespaces() {
    let fixed = ForkRecord {
        clone_flags: 0x2002_0100,
        ..ForkRecord::default()
    };
    assert_eq!(
        json_of(RecordKind::ProcessFork, 0, &fixed, b"")["fork"],
        json!({
            "flags": 0x2002_0100,
            "new_namespaces": ["mount", "pid"],
            "shares_memory": true,
        })
    );
}

#[test]
fn a_cgroup_is_told_with_its_path() {
    let fixed = CgroupRecord {
        id: 9,
        hierarchy: 0,
        path_length: 3,
        reserved: 0,
    };
    assert_eq!(
        json_of(RecordKind::CgroupCreate, 0, &fixed, b"/a\xff")["cgroup"],
        json!({"id": 9, "hierarchy": 0, "path": "/a\u{fffd}"})
    );
}

#[test]
fn a_hash_is_told_or_why_there_is_none() {
    let fixed = ExecRecord {
        exe_device: 8 << 20 | 1,
        exe_inode: 42,
        exe_length: 3,
        ..ExecRecord::default()
    };
    let exec = record(RecordKind::ProcessExec, 0, &fixed, b"/ab");
    let mut table = table();
    table.apply(&decode(&exec).unwrap(), b"", b"");
    let id = decode(&exec).unwrap().process;
    let image = table.get(id).unwrap().image.clone().unwrap();
    let mut hashed = Hashed {
        executed: Executed {
            process: id,
            time: decode(&exec).unwrap().time,
            unix_time: 0,
            parent: None,
            image: image.clone(),
        },
        outcome: Err(NoHash::TooLarge),
    };
    let render = |hashed: &Hashed| {
        let record = serde_json::to_value(builder().hash(hashed, &table)).unwrap();
        assert_in_schema(&record);
        record
    };
    let record = render(&hashed);
    assert_eq!(record["kind"], "process.hash");
    assert_eq!(record["process"]["pid"], 7);
    assert_eq!(
        record["hash"],
        json!({"reason": "too_large", "device": "8:1", "inode": 42, "path": "/ab"})
    );

    let hash = Sha256([0xa5; 32]);
    hashed.outcome = Ok((hash, Certainty::IfStillRunning));
    assert_eq!(
        render(&hashed)["hash"],
        json!({"sha256": "a5".repeat(32), "device": "8:1", "inode": 42, "path": "/ab"})
    );
    // The exec has it when it was known.
    assert!(rendered(&exec, &table)["exec"].get("sha256").is_none());
    image.sha256.set(hash).unwrap();
    assert_eq!(rendered(&exec, &table)["exec"]["sha256"], "a5".repeat(32));
}

#[test]
fn who_acts_in_a_container_is_shown_in_it() {
    let id = "5e".repeat(32);
    let pod = "0d3f7c5e_1a2b_4c3d_8e4f_5a6b7c8d9e0f";
    let path = format!("/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{id}.scope");
    let made = CgroupRecord {
        id: 71,
        hierarchy: 0,
        path_length: u16::try_from(path.len()).unwrap(),
        reserved: 0,
    };
    let made = record(RecordKind::CgroupCreate, 0, &made, path.as_bytes());
    let mut inside = header(RecordKind::KernelModule.tag(), 0);
    inside.cgroup_id = 71;
    let inside = bytes(inside, value([0; 4], 0, b"m").as_bytes(), b"m");
    let mut table = table();
    for act in [&made, &inside] {
        table.apply(&decode(act).unwrap(), b"", b"");
    }
    let expected = json!({
        "id": id,
        "runtime": "containerd",
        "pod_uid": pod.replace('_', "-"),
    });
    assert_eq!(rendered(&inside, &table)["process"]["container"], expected);
    let id = decode(&inside).unwrap().process;
    let part = serde_json::to_value(builder().process(id, &table)).unwrap();
    assert_eq!(part["container"], expected);

    // It may leave again.
    let mut outside = header(RecordKind::KernelModule.tag(), 0);
    outside.cgroup_id = 72;
    let outside = bytes(outside, value([0; 4], 0, b"m").as_bytes(), b"m");
    table.apply(&decode(&outside).unwrap(), b"", b"");
    let process = rendered(&outside, &table)["process"].clone();
    assert!(process.get("container").is_none(), "{process}");
}

proptest! {
    #[test]
    fn whatever_is_decoded_becomes_one_line_of_json(
        kind in 0u16..50,
        flags in any::<u16>(),
        fixed in proptest::collection::vec(any::<u8>(), 0..200),
        small in proptest::collection::vec(0u8..3, 90..400),
    ) {
        let table = table();
        for body in [&fixed, &small] {
            let bytes = bytes(header(kind, flags), body, b"");
            let Ok(line) = render(&bytes, &builder(), &table) else { continue };
            let line = line.unwrap();
            prop_assert_eq!(line.iter().position(|&byte| byte == b'\n'), Some(line.len() - 1));
            prop_assert!(serde_json::from_slice::<Value>(&line).is_ok());
        }
    }

    #[test]
    fn no_act_makes_the_table_panic(
        kinds in proptest::collection::vec((0u16..48, 0u32..20, 0u64..3), 1..60),
        body in proptest::collection::vec(0u8..3, 100..160),
    ) {
        let mut table = ProcessTable::new(
            TableLimits { processes: 16, ended: 4 },
            1,
        );
        for (kind, number, start) in kinds {
            let mut header = header(kind, 0);
            (header.tgid, header.start_time) = (number, start);
            let bytes = bytes(header, &body, b"");
            if let Ok(event) = decode(&bytes) {
                table.apply(&event, b"/etc/x", b"/tmp/y");
                let _ = render(&bytes, &builder(), &table);
            }
        }
    }
}
