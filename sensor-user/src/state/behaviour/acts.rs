//! How each act is counted.

use std::net::IpAddr;

use sensor_common::RecordKind;

use super::{Behaviour, Count};
use crate::{
    capture::BootTime,
    event::{Endpoint, Socket},
    state::{PathClass, sketch::stable_hash},
};

impl Behaviour {
    /// Counts an open for writing.
    pub fn open(&mut self, path: &[u8], created: bool, emptied: bool, now: BootTime) {
        self.did(Count::Opens, now);
        self.open_rate.add(now);
        let class = PathClass::of(path);
        if created {
            self.note(Count::Creates, now);
            if name(path).first() == Some(&b'.') {
                self.note(Count::HiddenCreates, now);
            }
        } else if emptied {
            self.note(Count::Emptied, now);
            self.removed(class, now);
        }
        self.written(path, class, now);
    }

    /// Counts a removed name.
    pub fn unlink(&mut self, path: &[u8], now: BootTime) {
        self.did(Count::Unlinks, now);
        self.removal_rate.add(now);
        self.removed(PathClass::of(path), now);
    }

    /// Counts a moved name.
    pub fn rename(&mut self, from: &[u8], to: &[u8], now: BootTime) {
        self.did(Count::Renames, now);
        self.removal_rate.add(now);
        // The old name with something behind it: a suffix was added.
        if to.len() > from.len() && to.starts_with(from) {
            self.note(Count::SuffixRenames, now);
        }
        let class = PathClass::of(to);
        // Another file lies where it was.
        if class == PathClass::History {
            self.removed(class, now);
        }
        self.written(to, class, now);
    }

    /// Counts a name that was made for something: a link of either sort.
    pub fn link(&mut self, count: Count, to: &[u8], now: BootTime) {
        self.did(count, now);
        let class = PathClass::of(to);
        if class == PathClass::History {
            self.removed(class, now);
        }
        self.written(to, class, now);
    }

    /// Counts a file cut by name.
    pub fn truncate(&mut self, path: &[u8], now: BootTime) {
        self.did(Count::Truncates, now);
        self.removed(PathClass::of(path), now);
    }

    /// Counts a permission change.
    pub fn chmod(&mut self, mode: u16, now: BootTime) {
        self.did(Count::Chmods, now);
        if mode & 0o111 != 0 {
            self.note(Count::ExecutableChmods, now);
        }
        if mode & 0o6000 != 0 {
            self.note(Count::Grants, now);
        }
    }

    /// Counts an extended attribute.
    pub fn attribute(&mut self, name: &[u8], now: BootTime) {
        self.did(Count::Attributes, now);
        // `include/uapi/linux/xattr.h`: XATTR_NAME_CAPS
        if name == b"security.capability" {
            self.note(Count::Grants, now);
        }
    }

    /// Counts a connection attempt.
    pub fn connect(&mut self, socket: &Socket<'_>, now: BootTime) {
        /// `EINPROGRESS` (`include/uapi/asm-generic/errno.h`)
        const IN_PROGRESS: i32 = -115;
        if !self.reach(socket.remote, now) {
            self.did(Count::UnixConnects, now);
            return;
        }
        self.connected = true;
        self.did(Count::Connects, now);
        self.connect_rate.add(now);
        let failed = |result: i32| result < 0 && result != IN_PROGRESS;
        if socket.result.is_some_and(failed) {
            self.note(Count::FailedConnects, now);
        }
    }

    /// Counts a datagram to a new peer.
    pub fn send(&mut self, socket: &Socket<'_>, now: BootTime) {
        self.did(Count::Datagrams, now);
        self.reach(socket.remote, now);
    }

    /// Counts a DNS question, by the name as it travels; `None` when that cannot
    /// be read.
    pub fn ask(&mut self, name: Option<&[u8]>, now: BootTime) {
        self.did(Count::Questions, now);
        if let Some(name) = name {
            let window = self.window(now);
            window.names.insert(stable_hash(name));
            let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
            window.longest_name = window.longest_name.max(length);
        }
    }

    /// Counts an act on a traced process; `foreign` when that is no child.
    pub fn trace(&mut self, foreign: bool, now: BootTime) {
        self.did(Count::Traces, now);
        if foreign {
            self.note(Count::ForeignTraces, now);
        }
    }

    /// Counts a change of credentials; `gained` when they were not root's before
    /// and are now.
    pub fn change_rights(&mut self, gained: bool, now: BootTime) {
        self.did(Count::RightsChanges, now);
        if gained {
            self.note(Count::RootGains, now);
        }
    }

    /// Notes a remote end; false when it has no address.
    fn reach(&mut self, remote: Endpoint, now: BootTime) -> bool {
        let Some(address) = remote.address else {
            return false;
        };
        let peer = match address {
            IpAddr::V4(address) => stable_hash(&address.octets()),
            IpAddr::V6(address) => stable_hash(&address.octets()),
        };
        let window = self.window(now);
        window.ports.insert(stable_hash(&remote.port.to_le_bytes()));
        window.peers.insert(peer);
        true
    }

    /// Counts a socket that began to listen.
    pub fn listen(&mut self, now: BootTime) {
        self.listened = true;
        self.did(Count::Listens, now);
    }

    /// Counts a program run.
    pub fn exec(&mut self, now: BootTime) {
        self.did(Count::Execs, now);
        self.exec_rate.add(now);
    }

    /// Counts acts that have no record of their own; false for a kind that is
    /// not counted. Where they went on is known from the acts before them that
    /// have one.
    pub fn unrecorded(&mut self, kind: RecordKind, count: u64, now: BootTime) -> bool {
        let times = u32::try_from(count).unwrap_or(u32::MAX);
        let counted = match kind {
            RecordKind::FileOpen => {
                self.open_rate.add_times(times, now);
                Count::Opens
            }
            RecordKind::FileUnlink => {
                self.removal_rate.add_times(times, now);
                Count::Unlinks
            }
            RecordKind::FileRename => {
                self.removal_rate.add_times(times, now);
                Count::Renames
            }
            RecordKind::FileChmod => Count::Chmods,
            RecordKind::NetworkConnect => {
                self.connect_rate.add_times(times, now);
                Count::Connects
            }
            RecordKind::NetworkBind => Count::Binds,
            RecordKind::NetworkListen => Count::Listens,
            RecordKind::NetworkAccept => Count::Accepts,
            _ => return false,
        };
        self.did_times(counted, times, now);
        true
    }

    /// Counts files and directories that were opened only to be read. They are no
    /// acts: nothing is looked at for them.
    pub fn read(&mut self, files: u64, directories: u64, now: BootTime) {
        let at_most = |count: u64| u16::try_from(count).unwrap_or(u16::MAX);
        let window = self.window(now);
        window.add(Count::Reads, at_most(files));
        window.add(Count::Listings, at_most(directories));
    }

    /// Notes where something was written.
    fn written(&mut self, path: &[u8], class: PathClass, now: BootTime) {
        let count = match class {
            PathClass::Starting => Some(Count::StartingWrites),
            PathClass::Rights => Some(Count::RightsWrites),
            PathClass::Configuration => Some(Count::ConfigurationWrites),
            PathClass::Program => Some(Count::ProgramWrites),
            PathClass::Temporary => Some(Count::TemporaryWrites),
            PathClass::Served => Some(Count::ServedWrites),
            PathClass::HiddenHome => Some(Count::HiddenHomeWrites),
            PathClass::Home => Some(Count::HomeWrites),
            PathClass::Log | PathClass::History | PathClass::Kernel | PathClass::Other => None,
        };
        if let Some(count) = count {
            self.note(count, now);
        }
        if class != PathClass::Kernel {
            let directory = stable_hash(directory(path));
            self.window(now).directories.insert(directory);
        }
    }

    /// Notes what of the past was removed.
    fn removed(&mut self, class: PathClass, now: BootTime) {
        match class {
            PathClass::Log => self.note(Count::LogRemovals, now),
            PathClass::History => self.note(Count::HistoryRemovals, now),
            PathClass::Temporary
            | PathClass::Starting
            | PathClass::Rights
            | PathClass::Configuration
            | PathClass::Program
            | PathClass::Served
            | PathClass::HiddenHome
            | PathClass::Home
            | PathClass::Kernel
            | PathClass::Other => {}
        }
    }
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
