//! The light tier: what it sees without a hook on system calls, and that it has
//! none.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
    process::Command,
};

use rustix::{
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::{Pid, Signal, kill_process},
};
use sensor_tests::{Finished, Sensor, actor, workplace};
use serde_json::{Value, json};

const LIGHT: [&str; 2] = ["--tier", "light"];

fn wait(sensor: &mut Sensor, kind: &str, matches: impl Fn(&Value) -> bool) -> Value {
    let record = sensor.wait_for_act(kind, std::process::id(), |record| {
        matches(&record["network"])
    });
    assert_ne!(record["process"]["exe"], Value::Null, "{record}");
    record["network"].clone()
}

/// The tracepoints that a process has programs on, in the kernel's own words.
fn tracepoints(pid: u32) -> BTreeSet<String> {
    fs::read_dir(format!("/proc/{pid}/fdinfo"))
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .filter_map(|text| {
            let name = text
                .lines()
                .find_map(|line| line.strip_prefix("tp_name:"))?;
            Some(name.trim().to_owned())
        })
        .collect()
}

#[test]
fn nothing_is_attached_to_system_calls() {
    let is_of_system_calls = |name: &String| name.starts_with("sys_");
    let sensor = Sensor::start(&LIGHT);
    let light = tracepoints(sensor.pid());
    assert!(light.contains("inet_sock_set_state"), "{light:?}");
    assert!(!light.iter().any(is_of_system_calls), "{light:?}");
    drop(sensor);
    // So would be told of one.
    let sensor = Sensor::start(&["--tier", "tracepoint"]);
    let usual = tracepoints(sensor.pid());
    assert!(usual.iter().any(is_of_system_calls), "{usual:?}");
}

#[test]
fn the_life_of_a_process_is_told() {
    let mut sensor = Sensor::start(&LIGHT);
    let mut child = Command::new(actor())
        .args(["exit", "3", "told"])
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let fork = sensor.wait_for_act("process.fork", pid, |_| true);
    assert_eq!(fork["process"]["parent"]["pid"], std::process::id());
    let exec = sensor.wait_for_act("process.exec", pid, |_| true);
    assert_eq!(exec["process"]["exe"], actor().to_str().unwrap());
    let exit = sensor.wait_for_act("process.exit", pid, |_| true);
    assert_eq!(exit["exit"]["code"], 3, "{exit}");
}

fn tcp_round_trip(address: &str, family: &str) {
    let mut sensor = Sensor::start(&LIGHT);
    let listener = TcpListener::bind(address).unwrap();
    let server = listener.local_addr().unwrap();
    let client = TcpStream::connect(server).unwrap();
    let port = client.local_addr().unwrap().port();
    let ours = |network: &Value| network["local_port"] == server.port();

    for kind in ["network.bind", "network.listen"] {
        let record = wait(&mut sensor, kind, ours);
        assert_eq!(record["local_address"], server.ip().to_string());
        assert_eq!(
            [
                &record["family"],
                &record["socket_type"],
                &record["protocol"]
            ],
            [&json!(family), &json!("stream"), &json!(6)]
        );
    }
    let connect = wait(&mut sensor, "network.connect", |network| {
        network["remote_port"] == server.port()
    });
    assert_eq!(connect["remote_address"], server.ip().to_string());
    assert_eq!(connect["family"], family);
    // It was asked for; what came of it is not known.
    assert_eq!(connect["result"], Value::Null);

    // Nobody has called `accept` yet.
    let accept = wait(&mut sensor, "network.accept", |network| {
        network["remote_port"] == port
    });
    assert_eq!(accept["remote_address"], server.ip().to_string());
    assert_eq!(accept["local_port"], server.port());
    assert_eq!(accept["result"], Value::Null);
    no_losses(sensor);
}

#[test]
fn tcp_over_ipv4_is_told() {
    tcp_round_trip("127.0.0.1:0", "ipv4");
}

#[test]
fn tcp_over_ipv6_is_told() {
    tcp_round_trip("[::1]:0", "ipv6");
}

#[test]
fn who_listened_before_the_sensor_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let mut sensor = Sensor::start(&LIGHT);
    let _client = TcpStream::connect(server).unwrap();
    let accept = wait(&mut sensor, "network.accept", |network| {
        network["local_port"] == server.port()
    });
    assert_eq!(accept["remote_address"], "127.0.0.1");
}

#[test]
fn a_connection_that_is_refused_is_told_as_an_attempt() {
    let mut sensor = Sensor::start(&LIGHT);
    // Taken and given back: nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    assert!(TcpStream::connect(free).is_err());
    let connect = wait(&mut sensor, "network.connect", |network| {
        network["remote_port"] == free.port()
    });
    assert_eq!(connect["remote_address"], "127.0.0.1");
    assert_eq!(connect["result"], Value::Null);
}

fn datagrams(address: &str) {
    let mut sensor = Sensor::start(&LIGHT);
    let server = UdpSocket::bind(address).unwrap();
    let server_address = server.local_addr().unwrap();
    let client = UdpSocket::bind(address).unwrap();
    client.connect(server_address).unwrap();
    client.send(b"x").unwrap();
    let bind = wait(&mut sensor, "network.bind", |network| {
        network["local_port"] == server_address.port()
    });
    assert_eq!(
        [&bind["socket_type"], &bind["protocol"]],
        [&json!("datagram"), &json!(17)]
    );
    let send = wait(&mut sensor, "network.send", |network| {
        network["remote_port"] == server_address.port()
    });
    assert_eq!(send["remote_address"], server_address.ip().to_string());
    assert_eq!(send["local_port"], client.local_addr().unwrap().port());
}

#[test]
fn the_first_datagram_to_a_peer_is_told_over_ipv4() {
    datagrams("127.0.0.1:0");
}

#[test]
fn the_first_datagram_to_a_peer_is_told_over_ipv6() {
    datagrams("[::1]:0");
}

#[test]
fn a_raw_socket_is_told() {
    let mut sensor = Sensor::start(&LIGHT);
    let protocol = rustix::net::ipproto::ICMP;
    let family = rustix::net::AddressFamily::INET;
    drop(rustix::net::socket(family, rustix::net::SocketType::RAW, Some(protocol)).unwrap());
    let made = wait(&mut sensor, "network.socket", |_| true);
    assert_eq!(
        [&made["family"], &made["socket_type"], &made["protocol"]],
        [&json!("ipv4"), &json!("raw"), &json!(1)]
    );
}

#[test]
fn connections_to_one_peer_over_and_over_are_counted() {
    /// More than have a record each in a second.
    const MANY: u64 = 3_000;
    let mut sensor = Sensor::start(&LIGHT);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    for _ in 0..MANY {
        drop(TcpStream::connect(server).unwrap());
        drop(listener.accept().unwrap());
    }
    sensor.catch_up();
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    let connects = &finished.records.summary()["accounting"]["network.connect"];
    let of = |fate: &str| connects[fate].as_u64().unwrap();
    assert!(of("seen") >= MANY, "{connects}");
    assert_eq!(
        of("seen"),
        of("submitted") + of("counted") + of("excluded") + of("lost"),
        "{connects}"
    );
    assert_eq!(of("lost"), 0, "{connects}");
}

/// An act of this process on a file.
fn wait_for_file(sensor: &mut Sensor, kind: &str, path: &Path) -> Value {
    let path = path.to_str().unwrap();
    let record = sensor.wait_for_act(kind, std::process::id(), |record| {
        record["file"]["path"] == path
    });
    assert_ne!(record["process"]["exe"], Value::Null, "{record}");
    assert_eq!(
        record["process"]["euid"],
        rustix::process::geteuid().as_raw()
    );
    record["file"].clone()
}

#[test]
fn files_that_are_made_and_written_are_told_and_reads_are_not() {
    let (_guard, directory) = workplace();
    let (old, read) = (directory.join("old"), directory.join("read"));
    fs::write(&old, "x").unwrap();
    fs::write(&read, "x").unwrap();
    let mut sensor = Sensor::start(&LIGHT);
    let made = directory.join("made");
    fs::read(&read).unwrap();
    fs::write(&made, "x").unwrap();
    OpenOptions::new().append(true).open(&old).unwrap();

    let file = wait_for_file(&mut sensor, "file.open", &made);
    let metadata = fs::metadata(&made).unwrap();
    assert_eq!(file["created"], true);
    assert_eq!(file["path_source"], "kernel");
    assert_eq!(file["inode"], metadata.ino());
    assert_eq!(file["mode"], format!("{:04o}", metadata.mode() & 0o7777));
    let file = wait_for_file(&mut sensor, "file.open", &old);
    assert_eq!(file["created"], false);
    let finished = no_losses(sensor);
    let reads = finished
        .records
        .of_kind("file.open")
        .filter(|record| record["file"]["path"] == read.to_str().unwrap());
    assert_eq!(reads.count(), 0);
}

#[test]
fn names_that_are_removed_and_moved_are_told() {
    let (_guard, directory) = workplace();
    let below = directory.join("below");
    fs::create_dir(&below).unwrap();
    let at = |name: &str| directory.join(name);
    for name in ["removed", "moved"] {
        fs::write(at(name), "x").unwrap();
    }
    fs::create_dir(at("empty")).unwrap();
    let mut sensor = Sensor::start(&LIGHT);
    fs::remove_file(at("removed")).unwrap();
    fs::rename(at("moved"), below.join("new")).unwrap();
    fs::remove_dir(at("empty")).unwrap();
    symlink("somewhere", at("link")).unwrap();

    let file = wait_for_file(&mut sensor, "file.unlink", &at("removed"));
    assert_eq!(file["directory"], false);
    let file = wait_for_file(&mut sensor, "file.rename", &at("moved"));
    assert_eq!(file["target"], below.join("new").to_str().unwrap());
    let file = wait_for_file(&mut sensor, "file.unlink", &at("empty"));
    assert_eq!(file["directory"], true);
    let file = wait_for_file(&mut sensor, "file.symlink", &at("link"));
    assert_eq!(file["link_target"], "somewhere");
    no_losses(sensor);
}

#[test]
fn what_a_process_did_before_its_end_is_told_as_its_act() {
    let (_guard, directory) = workplace();
    let mut sensor = Sensor::start(&LIGHT);
    let path = directory.join("left");
    let script = format!("echo x > {}", path.display());
    let mut child = Command::new("/bin/sh")
        .args(["-c", &script])
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let record = sensor.wait_for_act("file.open", pid, |record| {
        record["file"]["path"] == path.to_str().unwrap()
    });
    assert_eq!(record["process"]["parent"]["pid"], std::process::id());
}

#[test]
fn a_file_system_that_is_mounted_later_is_watched_and_not_kept() {
    let (_guard, directory) = workplace();
    let mut sensor = Sensor::start(&LIGHT);
    let nothing = c"";
    mount("tmpfs", &directory, "tmpfs", MountFlags::empty(), nothing).unwrap();
    // The agent looks at the mounts once a second.
    let name = directory.join("made");
    let mut times = 0;
    let told = loop {
        fs::write(&name, "x").unwrap();
        fs::remove_file(&name).unwrap();
        sensor.catch_up();
        times += 1;
        let told = sensor.look().unwrap().iter().any(|record| {
            record["kind"] == "file.unlink" && record["file"]["path"] == name.to_str().unwrap()
        });
        if told || times > 10_000 {
            break told;
        }
    };
    unmount(&directory, UnmountFlags::empty()).unwrap();
    assert!(told, "{}", sensor.stderr());
}

#[test]
fn a_full_queue_is_told_as_a_loss() {
    let limit = fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let (_guard, directory) = workplace();
    let mut sensor = Sensor::start(&LIGHT);
    let pid = Pid::from_raw(sensor.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    for number in 0..=limit {
        fs::write(directory.join(number.to_string()), "").unwrap();
    }
    kill_process(pid, Signal::CONT).unwrap();
    sensor.wait_for("a loss of notices", |record| {
        record["kind"] == "loss" && record["loss"]["source"] == "file_notices"
    });
}

/// Ends the sensor, which has lost nothing.
fn no_losses(sensor: Sensor) -> Finished {
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    let losses = finished.records.losses();
    assert!(losses.is_empty(), "{losses:?}");
    finished
}
