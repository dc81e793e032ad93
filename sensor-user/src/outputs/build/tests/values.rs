use sensor_common::{RecordKind, flags};
use serde_json::{Value, json};

use super::{json_of, value};

/// Each kind with its values and its name, and the part that they become. The
/// result is always 6.
fn assert_values<const COUNT: usize>(cases: [(RecordKind, [u64; 4], &str, &str, Value); COUNT]) {
    for (kind, values, name, part, expected) in cases {
        let fixed = value(values, 6, name.as_bytes());
        let record = json_of(kind, 0, &fixed, name.as_bytes());
        assert_eq!(record[part], expected, "{}", kind.name());
    }
}

#[test]
fn changes_and_keys_are_told_by_what_they_mean() {
    assert_values([
        (
            RecordKind::ProcessRename,
            [0; 4],
            "kworker/0:1",
            "change",
            json!({"name": "kworker/0:1"}),
        ),
        (
            RecordKind::ProcessArguments,
            [8, 0, 0, 0],
            "",
            "change",
            json!({"option": "PR_SET_MM_ARG_START"}),
        ),
        (
            RecordKind::ProcessSession,
            [0; 4],
            "",
            "change",
            json!({"session": 6}),
        ),
        (
            RecordKind::CredentialsKey,
            [11, 5, 6, 0],
            "",
            "key",
            json!({"command": "KEYCTL_READ", "arguments": [5, 6], "result": 6}),
        ),
        (
            RecordKind::CredentialsKey,
            [1 << 32, 5, 6, 0],
            "",
            "key",
            json!({"command": "add_key", "arguments": [5, 6], "result": 6}),
        ),
    ]);
}

#[test]
fn memory_is_told_by_what_it_means() {
    assert_values([
        (
            RecordKind::MemoryMemfd,
            [1, 44, 0, 0],
            "x",
            "memory",
            json!({"name": "x", "flags": 1, "inode": 44, "result": 6}),
        ),
        (
            RecordKind::MemoryExecutable,
            [0x7f00_0000_1000, 4_096, 7, 1],
            "/lib/a.so",
            "memory",
            json!({
                "address": "00007f0000001000", "length": 4_096, "protection": "rwx",
                "changed": true, "path": "/lib/a.so",
            }),
        ),
        (
            RecordKind::MemoryExecutable,
            [0, 1, 6, 0],
            "",
            "memory",
            json!({
                "address": "0000000000000000", "length": 1, "protection": "wx", "changed": false,
            }),
        ),
        (
            RecordKind::MemoryUserfault,
            [1, 0, 0, 0],
            "",
            "memory",
            json!({"flags": 1, "result": 6}),
        ),
    ]);
}

#[test]
fn acts_on_the_kernel_are_told_by_what_they_mean() {
    assert_values([
        (
            RecordKind::KernelModule,
            [0; 4],
            "rootkit",
            "kernel",
            json!({"name": "rootkit"}),
        ),
        (
            RecordKind::KernelBpf,
            [5, 2, 0, 0],
            "probe",
            "kernel",
            json!({"command": "BPF_PROG_LOAD", "type": 2, "name": "probe", "result": 6}),
        ),
        (
            RecordKind::KernelBpf,
            [99, u64::MAX, 0, 0],
            "",
            "kernel",
            json!({"command": "99", "result": 6}),
        ),
        (
            RecordKind::KernelPerf,
            [1, 0x10, u64::MAX, 0xffff_ffff],
            "",
            "kernel",
            json!({
                "type": 1, "config": "0000000000000010", "pid": -1, "cpu": -1, "result": 6,
            }),
        ),
        (
            RecordKind::KernelKexec,
            [4, 1, 0, 0],
            "",
            "kernel",
            json!({"flags": 4, "command": "kexec_file_load", "result": 6}),
        ),
        (
            RecordKind::KernelIoUring,
            [8, 16, 2, 0],
            "",
            "kernel",
            json!({"entries": 8, "completions": 16, "flags": 2, "result": 6}),
        ),
        (
            RecordKind::KernelIoUringWork,
            [16, 0, 0, 0],
            "",
            "kernel",
            json!({"command": "IORING_OP_CONNECT"}),
        ),
        (
            RecordKind::KernelAudit,
            [1001, 1, 0, 0],
            "",
            "kernel",
            json!({"command": "AUDIT_SET", "mask": 1, "enabled": 0}),
        ),
        (
            RecordKind::KernelAudit,
            [1012, 1, 0, 0],
            "",
            "kernel",
            json!({"command": "AUDIT_DEL_RULE"}),
        ),
    ]);
}

#[test]
fn what_is_chosen_later_is_absent_before_the_act() {
    for (kind, values, part, expected) in [
        (
            RecordKind::KernelPerf,
            [u64::MAX, 1, 0, 0],
            "kernel",
            json!({"config": "0000000000000001"}),
        ),
        (
            RecordKind::MemoryExecutable,
            [0, 0, 7, 0],
            "memory",
            json!({"protection": "rwx", "changed": false}),
        ),
        (RecordKind::ProcessSession, [0; 4], "change", json!({})),
    ] {
        let record = json_of(kind, flags::ATTEMPT, &value(values, 0, b""), b"");
        assert_eq!(record[part], expected, "{}", kind.name());
    }
}
