//! Who listened before the sensor started.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
};

use aya::maps::{self, Map, MapData};
use procfs::{
    net::TcpState,
    process::{FDTarget, Process},
};
use sensor_common::{LISTENERS_MAX, RecordHeader, listener_key};

use super::error::{KernelError, map_error};
use crate::capture::ScannedProcess;

/// The kernel's map of who listens on each port.
pub struct ListenerMap(maps::HashMap<MapData, u64, Header>);

/// [`RecordHeader`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Header(RecordHeader);

// SAFETY: a `repr(C)` structure of integers without padding.
unsafe impl aya::Pod for Header {}

impl ListenerMap {
    pub(super) fn new(map: Map) -> Result<Self, KernelError> {
        maps::HashMap::try_from(map)
            .map(Self)
            .map_err(|error| map_error("LISTENERS", &error))
    }

    /// Enters the processes that have listening sockets of TCP, each with its rights
    /// and its start, which is exact to a clock tick. Of several that share a socket
    /// it is the first one.
    pub fn enter(&mut self, scanned: &[ScannedProcess]) {
        /// What began to listen meanwhile is known better.
        const IF_ABSENT: u64 = 1;
        let mut sockets = Sockets::default();
        let mut entered = 0;
        for process in scanned {
            for key in sockets.of(process) {
                if entered >= LISTENERS_MAX {
                    return;
                }
                // A key that is there stays.
                if self
                    .0
                    .insert(key, Header(header(process)), IF_ABSENT)
                    .is_ok()
                {
                    entered += 1;
                }
            }
        }
    }
}

fn header(process: &ScannedProcess) -> RecordHeader {
    RecordHeader {
        start_time: process.id.start.0,
        tgid: process.id.tgid.0,
        tid: process.id.tgid.0,
        cgroup_id: process.facts.cgroup_id,
        capabilities: process.credentials.effective.0,
        euid: process.credentials.euid,
        mount_namespace: process.facts.mount_namespace,
        ..RecordHeader::default()
    }
}

/// Listening sockets by inode, of the network namespaces that were looked at.
#[derive(Default)]
struct Sockets {
    namespaces: HashSet<u32>,
    keys: HashMap<u64, u64>,
}

impl Sockets {
    /// The keys of the listening sockets that a process has open.
    fn of(&mut self, process: &ScannedProcess) -> Vec<u64> {
        let Ok(found) = i32::try_from(process.id.tgid.0)
            .map_err(drop)
            .and_then(|number| Process::new(number).map_err(drop))
        else {
            return Vec::new();
        };
        self.look_at_namespace(&found);
        let Ok(descriptors) = found.fd() else {
            return Vec::new();
        };
        descriptors
            .filter_map(Result::ok)
            .filter_map(|descriptor| match descriptor.target {
                FDTarget::Socket(inode) => self.keys.get(&inode).copied(),
                _ => None,
            })
            .collect()
    }

    fn look_at_namespace(&mut self, process: &Process) {
        let link = format!("/proc/{}/ns/net", process.pid());
        let Some(namespace) = fs::metadata(link)
            .ok()
            .and_then(|found| u32::try_from(found.ino()).ok())
        else {
            return;
        };
        if !self.namespaces.insert(namespace) {
            return;
        }
        for table in [process.tcp(), process.tcp6()].into_iter().flatten() {
            for socket in table {
                if socket.state == TcpState::Listen {
                    let key = listener_key(namespace, socket.local_address.port());
                    self.keys.insert(socket.inode, key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::capture::scan;

    #[test]
    fn finds_who_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let scanned = scan();
        let own = |process: &&ScannedProcess| process.id.tgid.0 == std::process::id();
        let own = scanned.iter().find(own).unwrap();
        let namespace = fs::metadata("/proc/self/ns/net").unwrap().ino();
        let key = listener_key(u32::try_from(namespace).unwrap(), port);
        assert!(Sockets::default().of(own).contains(&key));
        drop(listener);
        assert!(!Sockets::default().of(own).contains(&key));
        assert_eq!(header(own).tgid, std::process::id());
    }
}
