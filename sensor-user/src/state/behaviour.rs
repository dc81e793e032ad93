use sensor_common::RecordKind;

use super::{
    PathClass,
    sketch::{Decaying, Distinct, stable_hash},
};
use crate::{
    capture::BootTime,
    event::{Endpoint, Socket},
};

/// What a process, or all of its descendants, did: counts that only grow,
/// distinct counts, and rates. About 400 bytes whatever it did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// All acts counted below.
    pub acts: u32,
    /// Files opened for writing.
    pub opens: u32,
    /// Of these, created.
    pub creates: u32,
    /// Names removed.
    pub unlinks: u32,
    /// Names moved.
    pub renames: u32,
    /// Of these, into the same directory with the old name as a prefix of the
    /// new one: a suffix was added.
    pub suffix_renames: u32,
    /// Permission changes.
    pub chmods: u32,
    /// Of these, that made a file executable.
    pub executable_chmods: u32,
    /// Of these, that set a set-user-id or set-group-id bit.
    pub setid_chmods: u32,
    /// Writes and renames into [`PathClass::Configuration`].
    pub configuration_writes: u32,
    /// Writes and renames into [`PathClass::Program`].
    pub program_writes: u32,
    /// Writes and renames into [`PathClass::Temporary`].
    pub temporary_writes: u32,
    /// Writes and renames into [`PathClass::HiddenHome`].
    pub hidden_home_writes: u32,
    /// Names removed from [`PathClass::Log`], and logs opened to be emptied.
    pub log_removals: u32,
    /// Names created with a leading dot.
    pub hidden_creates: u32,
    /// Connection attempts over IPv4 and IPv6.
    pub connects: u32,
    /// Of these, known to be refused, unreachable or timed out at once.
    pub failed_connects: u32,
    /// Connections to Unix sockets.
    pub unix_connects: u32,
    /// Local addresses taken.
    pub binds: u32,
    /// Sockets that began to listen.
    pub listens: u32,
    /// Connections accepted.
    pub accepts: u32,
    /// Child processes.
    pub forks: u32,
    /// Programs run.
    pub execs: u32,
    /// Regular files opened only to be read. No acts of their own: nothing is looked
    /// at for them.
    pub reads: u32,
    /// Directories opened, likewise.
    pub listings: u32,
    /// Directories written to.
    pub directories: Distinct,
    /// Remote addresses.
    pub peers: Distinct,
    /// Remote ports.
    pub ports: Distinct,
    /// Opens for writing of late.
    pub open_rate: Decaying,
    /// Removed and moved names of late.
    pub removal_rate: Decaying,
    /// Connection attempts of late.
    pub connect_rate: Decaying,
    /// Programs run of late.
    pub exec_rate: Decaying,
}

impl Behaviour {
    /// Counts an open for writing.
    pub fn open(&mut self, path: &[u8], created: bool, emptied: bool, now: BootTime) {
        add(&mut self.acts, 1);
        add(&mut self.opens, 1);
        self.open_rate.add(now);
        if created {
            add(&mut self.creates, 1);
            if name(path).first() == Some(&b'.') {
                add(&mut self.hidden_creates, 1);
            }
        }
        let class = PathClass::of(path);
        if emptied && !created && class == PathClass::Log {
            add(&mut self.log_removals, 1);
        }
        self.written(path, class);
    }

    /// Counts a removed name.
    pub fn unlink(&mut self, path: &[u8], now: BootTime) {
        add(&mut self.acts, 1);
        add(&mut self.unlinks, 1);
        self.removal_rate.add(now);
        if PathClass::of(path) == PathClass::Log {
            add(&mut self.log_removals, 1);
        }
    }

    /// Counts a moved name.
    pub fn rename(&mut self, from: &[u8], to: &[u8], now: BootTime) {
        add(&mut self.acts, 1);
        add(&mut self.renames, 1);
        self.removal_rate.add(now);
        if to.len() > from.len() && to.starts_with(from) {
            add(&mut self.suffix_renames, 1);
        }
        self.written(to, PathClass::of(to));
    }

    /// Counts a permission change.
    pub fn chmod(&mut self, mode: u16) {
        add(&mut self.acts, 1);
        add(&mut self.chmods, 1);
        add(&mut self.executable_chmods, u32::from(mode & 0o111 != 0));
        add(&mut self.setid_chmods, u32::from(mode & 0o6000 != 0));
    }

    /// Counts a connection attempt.
    pub fn connect(&mut self, socket: &Socket<'_>, now: BootTime) {
        /// `EINPROGRESS` (`include/uapi/asm-generic/errno.h`)
        const IN_PROGRESS: i32 = -115;
        add(&mut self.acts, 1);
        let Endpoint {
            address: Some(address),
            port,
        } = socket.remote
        else {
            add(&mut self.unix_connects, 1);
            return;
        };
        add(&mut self.connects, 1);
        self.connect_rate.add(now);
        let failed = |result: i32| result < 0 && result != IN_PROGRESS;
        add(
            &mut self.failed_connects,
            u32::from(socket.result.is_some_and(failed)),
        );
        self.ports.insert(stable_hash(&port.to_le_bytes()));
        let peer = match address {
            std::net::IpAddr::V4(address) => stable_hash(&address.octets()),
            std::net::IpAddr::V6(address) => stable_hash(&address.octets()),
        };
        self.peers.insert(peer);
    }

    /// Counts a local address taken.
    pub fn bind(&mut self) {
        add(&mut self.acts, 1);
        add(&mut self.binds, 1);
    }

    /// Counts a socket that began to listen.
    pub fn listen(&mut self) {
        add(&mut self.acts, 1);
        add(&mut self.listens, 1);
    }

    /// Counts an accepted connection.
    pub fn accept(&mut self) {
        add(&mut self.acts, 1);
        add(&mut self.accepts, 1);
    }

    /// Counts a child process.
    pub fn fork(&mut self) {
        add(&mut self.acts, 1);
        add(&mut self.forks, 1);
    }

    /// Counts a program run.
    pub fn exec(&mut self, now: BootTime) {
        add(&mut self.acts, 1);
        add(&mut self.execs, 1);
        self.exec_rate.add(now);
    }

    /// Counts acts that have no record of their own; false for a kind that is
    /// not counted. Where they went on is known from the acts before them that
    /// have one.
    pub fn unrecorded(&mut self, kind: RecordKind, count: u64, now: BootTime) -> bool {
        let times = u32::try_from(count).unwrap_or(u32::MAX);
        let counts = match kind {
            RecordKind::FileOpen => {
                self.open_rate.add_times(times, now);
                &mut self.opens
            }
            RecordKind::FileUnlink => {
                self.removal_rate.add_times(times, now);
                &mut self.unlinks
            }
            RecordKind::FileRename => {
                self.removal_rate.add_times(times, now);
                &mut self.renames
            }
            RecordKind::FileChmod => &mut self.chmods,
            RecordKind::NetworkConnect => {
                self.connect_rate.add_times(times, now);
                &mut self.connects
            }
            RecordKind::NetworkBind => &mut self.binds,
            RecordKind::NetworkListen => &mut self.listens,
            RecordKind::NetworkAccept => &mut self.accepts,
            _ => return false,
        };
        add(counts, times);
        add(&mut self.acts, times);
        true
    }

    /// Counts files and directories that were opened only to be read.
    pub fn read(&mut self, files: u64, directories: u64) {
        let at_most = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        add(&mut self.reads, at_most(files));
        add(&mut self.listings, at_most(directories));
    }

    fn written(&mut self, path: &[u8], class: PathClass) {
        match class {
            PathClass::Configuration => add(&mut self.configuration_writes, 1),
            PathClass::Program => add(&mut self.program_writes, 1),
            PathClass::Temporary => add(&mut self.temporary_writes, 1),
            PathClass::HiddenHome => add(&mut self.hidden_home_writes, 1),
            PathClass::Log | PathClass::Home | PathClass::Kernel | PathClass::Other => {}
        }
        if class != PathClass::Kernel {
            self.directories.insert(stable_hash(directory(path)));
        }
    }
}

/// A count stops at its largest value.
fn add(count: &mut u32, more: u32) {
    *count = count.saturating_add(more);
}

fn directory(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    &path[..end]
}

fn name(path: &[u8]) -> &[u8] {
    let start = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AF_INET, AF_UNIX};

    const NOW: BootTime = BootTime(1_000_000_000);

    #[test]
    fn a_suffix_rename_is_told_from_a_move() {
        let mut behaviour = Behaviour::default();
        behaviour.rename(b"/srv/a.doc", b"/srv/a.doc.locked", NOW);
        behaviour.rename(b"/etc/passwd+", b"/etc/passwd", NOW);
        assert_eq!((behaviour.renames, behaviour.suffix_renames), (2, 1));
        assert_eq!(behaviour.configuration_writes, 1);
    }

    #[test]
    fn emptied_logs_count_as_removed() {
        let mut behaviour = Behaviour::default();
        behaviour.open(b"/var/log/auth.log", false, true, NOW);
        behaviour.open(b"/var/log/auth.log", false, false, NOW);
        behaviour.unlink(b"/var/log/wtmp", NOW);
        assert_eq!(behaviour.log_removals, 2);
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
        assert_eq!((behaviour.connects, behaviour.failed_connects), (50, 50));
        assert!(behaviour.ports.estimate() > 40.0);
        assert!(behaviour.peers.estimate() < 1.5);
        socket.result = None;
        behaviour.connect(&socket, NOW);
        assert_eq!((behaviour.connects, behaviour.failed_connects), (51, 50));
        socket.remote = Endpoint::new(AF_UNIX, [0; 16], 0);
        behaviour.connect(&socket, NOW);
        assert_eq!((behaviour.connects, behaviour.unix_connects), (51, 1));
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
        assert_eq!((repeated.unlinks, repeated.acts), (u32::MAX, u32::MAX));
    }

    #[test]
    fn reads_are_counted_and_are_no_acts() {
        let mut behaviour = Behaviour::default();
        behaviour.read(7, 0);
        behaviour.read(1, 2);
        assert_eq!((behaviour.reads, behaviour.listings), (8, 2));
        assert_eq!((behaviour.acts, behaviour.opens), (0, 0));
        behaviour.read(u64::MAX, 1);
        assert_eq!((behaviour.reads, behaviour.listings), (u32::MAX, 3));
    }
}
