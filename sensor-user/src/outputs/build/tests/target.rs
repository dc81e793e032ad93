use sensor_common::{ExecRecord, RecordKind, TargetRecord, flags};
use serde_json::json;

use super::{rendered, table};
use crate::capture::{decode, test_support::record};

#[test]
fn the_other_process_is_named_when_it_is_known_for_certain() {
    let mut table = table();
    let fixed = ExecRecord {
        pid_namespace: 5,
        exe_length: 4,
        ..ExecRecord::default()
    };
    let exec = record(RecordKind::ProcessExec, 0, &fixed, b"/own");
    table.apply(&decode(&exec).unwrap(), b"", b"");
    let target = TargetRecord {
        start_time: 900,
        tgid: 7,
        code: 16,
        value: 0xabc,
        result: 0,
        reserved: 0,
    };
    let json = |kind, flags, target: &TargetRecord| {
        rendered(&record(kind, flags, target, b""), &table)["target"].clone()
    };
    assert_eq!(
        json(RecordKind::MemoryPtrace, 0, &target),
        json!({
            "pid": 7,
            "start_boottime_ns": 900,
            "exe": "/own",
            "request": "PTRACE_ATTACH",
            "address": "0000000000000abc",
            "result": 0,
        })
    );
    assert_eq!(
        json(RecordKind::MemoryWrite, flags::ATTEMPT, &target),
        json!({"pid": 7, "start_boottime_ns": 900, "exe": "/own", "bytes": 0xabc})
    );
    let number = TargetRecord {
        start_time: 0,
        code: 9,
        ..target
    };
    assert_eq!(
        json(RecordKind::ProcessSignal, 0, &number),
        json!({"pid": 7, "exe": "/own", "signal": 9, "result": 0})
    );
    // The caller's numbers are those of another pid namespace.
    let group = TargetRecord {
        tgid: u32::MAX,
        ..number
    };
    let flags = flags::TARGET_FROM_ARGUMENT;
    assert_eq!(
        json(RecordKind::ProcessSignal, flags, &number),
        json!({"pid": 7, "from_argument": true, "signal": 9, "result": 0})
    );
    assert_eq!(json(RecordKind::ProcessSignal, flags, &group)["pid"], -1);
}
