//! Network acts: content of connect, bind, listen and accept records.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream},
    },
};

use sensor_tests::Sensor;
use serde_json::{Value, json};

fn wait(sensor: &mut Sensor, kind: &str, matches: impl Fn(&Value) -> bool) -> Value {
    let record = sensor.wait_for_act(kind, std::process::id(), |record| {
        matches(&record["network"])
    });
    record["network"].clone()
}

fn tcp_round_trip(address: &str, family: &str) {
    let mut sensor = Sensor::start(&[]);
    let listener = TcpListener::bind(address).unwrap();
    let server = listener.local_addr().unwrap();
    let client = TcpStream::connect(server).unwrap();
    let (accepted, peer) = listener.accept().unwrap();

    let bind = wait(&mut sensor, "network.bind", |n| {
        n["local_port"] == server.port()
    });
    assert_eq!(bind["local_address"], server.ip().to_string());
    assert_eq!(
        (&bind["family"], &bind["result"]),
        (&json!(family), &json!(0))
    );

    let listen = wait(&mut sensor, "network.listen", |n| {
        n["local_port"] == server.port()
    });
    assert_eq!(listen["local_address"], server.ip().to_string());
    assert_eq!(
        (&listen["socket_type"], &listen["protocol"]),
        (&json!("stream"), &json!(6))
    );

    let connect = wait(&mut sensor, "network.connect", |n| {
        n["remote_port"] == server.port()
    });
    assert_eq!(connect["remote_address"], server.ip().to_string());
    assert_eq!(connect["local_port"], client.local_addr().unwrap().port());
    assert_eq!(connect["result"], 0);
    assert_eq!(connect["address_from_argument"], Value::Null);

    let accept = wait(&mut sensor, "network.accept", |n| {
        n["remote_port"] == peer.port()
    });
    assert_eq!(accept["remote_address"], peer.ip().to_string());
    assert_eq!(accept["local_port"], server.port());
    assert_eq!(accept["result"], accepted.as_raw_fd());
}

#[test]
fn tcp_over_ipv4() {
    tcp_round_trip("127.0.0.1:0", "ipv4");
}

#[test]
fn tcp_over_ipv6() {
    tcp_round_trip("[::1]:0", "ipv6");
}

#[test]
fn a_refused_connection_is_recorded_with_its_error_and_address() {
    let mut sensor = Sensor::start(&[]);
    // Taken and given back: nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert!(TcpStream::connect(free).is_err());
    let connect = wait(&mut sensor, "network.connect", |n| {
        n["remote_port"] == free.port()
    });
    assert_eq!(
        connect["result"],
        -rustix::io::Errno::CONNREFUSED.raw_os_error()
    );
    assert_eq!(connect["remote_address"], "127.0.0.1");
    assert_eq!(connect["address_from_argument"], true);
}

#[test]
fn udp_connect_and_bind() {
    let mut sensor = Sensor::start(&[]);
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = server.local_addr().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address).unwrap();
    let bind = wait(&mut sensor, "network.bind", |n| {
        n["local_port"] == address.port()
    });
    assert_eq!(
        (&bind["socket_type"], &bind["protocol"]),
        (&json!("datagram"), &json!(17))
    );
    let connect = wait(&mut sensor, "network.connect", |n| {
        n["remote_port"] == address.port()
    });
    assert_eq!(connect["local_port"], client.local_addr().unwrap().port());
}

#[test]
fn unix_sockets_are_recorded_by_name() {
    let mut sensor = Sensor::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    let _accepted = listener.accept().unwrap();
    for kind in [
        "network.bind",
        "network.listen",
        "network.connect",
        "network.accept",
    ] {
        let record = wait(&mut sensor, kind, |n| {
            n["unix_path"] == path.to_str().unwrap()
        });
        assert_eq!(record["family"], "unix", "{kind}");
    }

    let name = format!("sensor-test-{}", std::process::id());
    let abstract_address = UnixAddress::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&abstract_address).unwrap();
    let _client = UnixStream::connect_addr(&abstract_address).unwrap();
    let shown = format!("@{name}");
    wait(&mut sensor, "network.connect", |n| {
        n["unix_path"] == shown.as_str()
    });
}
