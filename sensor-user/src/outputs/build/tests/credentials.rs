use sensor_common::{CredentialRecord, CredentialSet, NamespaceRecord, RecordKind};
use serde_json::json;

use super::json_of;

#[test]
fn credentials_are_told_before_and_after() {
    let mut fixed = CredentialRecord {
        after: CredentialSet {
            effective: 0x1ff_ffff_ffff,
            permitted: 1,
            uid: 1,
            gid: 2,
            euid: 3,
            egid: 4,
            suid: 5,
            sgid: 6,
        },
        has_before: 1,
        ..CredentialRecord::default()
    };
    let kind = RecordKind::CredentialsChange;
    let change = json_of(kind, 0, &fixed, b"");
    assert_eq!(
        change["credentials"]["after"],
        json!({
            "uid": 1, "gid": 2, "euid": 3, "egid": 4, "suid": 5, "sgid": 6,
            "effective": "000001ffffffffff", "permitted": "0000000000000001",
        })
    );
    assert_eq!(change["credentials"]["before"]["uid"], 0);
    fixed.has_before = 0;
    let change = json_of(kind, 0, &fixed, b"");
    assert!(change["credentials"].get("before").is_none());
}

#[test]
fn namespaces_are_told_by_name() {
    let fixed = NamespaceRecord {
        flags: 0x4000_0000,
        namespaces: [1, 2, 3, 4, 5, 6, 7],
        joined: 0,
        result: 0,
        reserved: 0,
    };
    assert_eq!(
        json_of(RecordKind::CredentialsNamespace, 0, &fixed, b"")["namespaces"],
        json!({
            "joined": false, "flags": ["network"], "mount": 1, "pid": 2, "network": 3,
            "user": 4, "uts": 5, "ipc": 6, "cgroup": 7, "result": 0,
        })
    );
}
