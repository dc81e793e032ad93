use sensor_common::RecordKind;

use super::*;
use crate::event::{AF_INET, AF_UNIX, Endpoint, Socket};

const NOW: BootTime = BootTime(1_000_000_000);

fn counts<const N: usize>(behaviour: &Behaviour, counts: [Count; N]) -> [u32; N] {
    counts.map(|count| behaviour.count(count, NOW))
}

#[test]
fn every_count_has_names_and_a_place() {
    for (index, &count) in Count::ALL.iter().enumerate() {
        assert_eq!(count as usize, index);
        assert!(Count::OWN[index].starts_with("own."));
        assert_eq!(Count::OWN[index][4..], Count::TREE[index][5..]);
    }
}

#[test]
fn a_suffix_rename_is_told_from_a_move() {
    let mut behaviour = Behaviour::default();
    behaviour.rename(b"/srv/a.doc", b"/srv/a.doc.locked", NOW);
    behaviour.rename(b"/etc/passwd+", b"/etc/passwd", NOW);
    let renames = [Count::Renames, Count::SuffixRenames, Count::RightsWrites];
    assert_eq!(counts(&behaviour, renames), [2, 1, 1]);
    assert_eq!((behaviour.acts, behaviour.notable), (2, 1));
}

#[test]
fn emptied_logs_and_replaced_histories_count_as_removed() {
    let mut behaviour = Behaviour::default();
    behaviour.open(b"/var/log/auth.log", false, true, NOW);
    behaviour.open(b"/var/log/auth.log", false, false, NOW);
    behaviour.unlink(b"/var/log/wtmp", NOW);
    behaviour.truncate(b"/var/log/syslog", NOW);
    behaviour.link(Count::Symlinks, b"/root/.bash_history", NOW);
    let removals = [Count::LogRemovals, Count::HistoryRemovals];
    assert_eq!(counts(&behaviour, removals), [3, 1]);
}

#[test]
fn rights_are_granted_by_bits_and_by_attributes() {
    let mut behaviour = Behaviour::default();
    behaviour.chmod(0o644, NOW);
    behaviour.chmod(0o4755, NOW);
    behaviour.attribute(b"user.comment", NOW);
    behaviour.attribute(b"security.capability", NOW);
    let kinds = [Count::Chmods, Count::ExecutableChmods, Count::Grants];
    assert_eq!(counts(&behaviour, kinds), [2, 1, 2]);
}

#[test]
fn a_port_sweep_shows_in_ports_not_in_peers() {
    let mut behaviour = Behaviour::default();
    let mut socket = Socket {
        family: AF_INET,
        socket_type: 1,
        protocol: 6,
        local: Endpoint::default(),
        remote: Endpoint::new(AF_INET, [127; 16], 0),
        unix_name: b"",
        result: Some(-111),
    };
    for port in 1..=50 {
        socket.remote.port = port;
        behaviour.connect(&socket, NOW);
    }
    let connects = [Count::Connects, Count::FailedConnects, Count::UnixConnects];
    assert_eq!(counts(&behaviour, connects), [50, 50, 0]);
    assert!(behaviour.ports(NOW) > 40.0);
    assert!(behaviour.peers(NOW) < 1.5);
    socket.result = None;
    behaviour.connect(&socket, NOW);
    assert_eq!(counts(&behaviour, connects), [51, 50, 0]);
    socket.remote = Endpoint::new(AF_UNIX, [0; 16], 0);
    behaviour.connect(&socket, NOW);
    assert_eq!(counts(&behaviour, connects), [51, 50, 1]);
}

#[test]
fn what_was_done_long_ago_does_not_count() {
    let at = |windows: u64| BootTime(NOW.0 + windows * Behaviour::WINDOW);
    let mut behaviour = Behaviour::default();
    behaviour.open(b"/srv/one/a", true, false, NOW);
    behaviour.open(b"/srv/two/a", true, false, at(1));
    let seen = |behaviour: &Behaviour, windows| behaviour.count(Count::Opens, at(windows));
    assert_eq!(
        [1, 2, 3, 9].map(|windows| seen(&behaviour, windows)),
        [2, 1, 0, 0]
    );
    assert!((behaviour.directories(at(1)) - 2.0).abs() < 0.1);
    // What comes late counts as if it came now.
    behaviour.open(b"/srv/one/b", true, false, NOW);
    assert_eq!(seen(&behaviour, 1), 3);
    behaviour.open(b"/srv/one/c", true, false, at(5));
    assert_eq!(seen(&behaviour, 5), 1);
    assert_eq!(behaviour.acts, 4);
}

#[test]
fn acts_without_a_record_count_like_recorded_ones() {
    let mut recorded = Behaviour::default();
    let mut repeated = Behaviour::default();
    recorded.unlink(b"/srv/a", NOW);
    repeated.unlink(b"/srv/a", NOW);
    for _ in 0..5 {
        recorded.unlink(b"/srv/b", NOW);
    }
    assert!(repeated.unrecorded(RecordKind::FileUnlink, 5, NOW));
    assert_eq!(repeated, recorded);
    assert!(!repeated.unrecorded(RecordKind::MemoryPtrace, 5, NOW));
    assert!(repeated.unrecorded(RecordKind::FileUnlink, u64::MAX, NOW));
    assert_eq!(repeated.count(Count::Unlinks, NOW), u32::from(u16::MAX));
    assert_eq!(repeated.acts, u32::MAX);
}

#[test]
fn reads_are_counted_and_are_no_acts() {
    let mut behaviour = Behaviour::default();
    behaviour.read(7, 0, NOW);
    behaviour.read(1, 2, NOW);
    let read = [Count::Reads, Count::Listings, Count::Opens];
    assert_eq!(counts(&behaviour, read), [8, 2, 0]);
    assert_eq!(behaviour.acts, 0);
    behaviour.read(u64::MAX, 1, NOW);
    assert_eq!(counts(&behaviour, read), [u16::MAX.into(), 3, 0]);
}
