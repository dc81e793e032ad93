use sensor_common::{NetworkRecord, RecordKind};
use serde_json::json;

use super::json_of;

#[test]
fn sockets_have_names_for_what_they_are() {
    let fixed = NetworkRecord {
        family: 17,
        socket_type: 3,
        protocol: 3,
        result: 5,
        ..NetworkRecord::default()
    };
    assert_eq!(
        json_of(RecordKind::NetworkSocket, 0, &fixed, b"")["network"],
        json!({"family": "packet", "socket_type": "raw", "protocol": 3, "result": 5})
    );
    let fixed = NetworkRecord {
        family: 16,
        socket_type: 5,
        descriptor: 2,
        ..NetworkRecord::default()
    };
    let stdio = json_of(RecordKind::NetworkStdio, 0, &fixed, b"");
    assert_eq!(stdio["network"]["family"], "netlink");
    assert_eq!(stdio["network"]["socket_type"], "5");
    assert_eq!(stdio["network"]["descriptor"], 2);
}

#[test]
fn a_question_is_told_and_a_broken_one_is_not() {
    let message = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    let mut fixed = NetworkRecord {
        family: 2,
        remote_port: 53,
        path_length: u16::try_from(message.len()).unwrap(),
        ..NetworkRecord::default()
    };
    let dns = json_of(RecordKind::NetworkDns, 0, &fixed, message);
    assert_eq!(
        dns["network"]["dns"],
        json!({"question": "example.org", "type": 1})
    );
    assert_eq!(dns["network"]["remote_port"], 53);
    fixed.path_length = 20;
    let broken = json_of(RecordKind::NetworkDns, 0, &fixed, message);
    assert!(broken["network"].get("dns").is_none());
}
