use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::{ContainerTable, Image, Novelty, Process, ThreadCredentials};
use crate::{
    capture::{ScannedCgroup, ScannedProcess},
    event::{Credentials, ProcessId, Standing, Tgid},
};

mod apply;

pub use apply::Applied;

/// Bounds of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableLimits {
    /// Processes, live and ended, that are kept; at least 16.
    pub processes: usize,
    /// Of these, ended ones, kept so that lineage can be told.
    pub ended: usize,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self {
            processes: 65_536,
            ended: 8_192,
        }
    }
}

/// All processes, by (number, start).
#[derive(Debug)]
pub struct ProcessTable {
    limits: TableLimits,
    /// Each in a place of its own: the map, half empty at times, holds no more
    /// than where they are.
    processes: HashMap<ProcessId, Box<Process>, RandomState>,
    /// The newest process of each number.
    by_number: HashMap<Tgid, ProcessId, RandomState>,
    /// Ended processes, the earliest first.
    ended: VecDeque<ProcessId>,
    novelty: Novelty,
    containers: ContainerTable,
    /// Nanoseconds that the start of a scanned process is exact to.
    tick: u64,
    overflowed: u64,
}

impl ProcessTable {
    /// An empty table that knows containers from `cgroup.create` of the v2
    /// hierarchy only. `tick` is the resolution of scanned start times, in ns.
    #[must_use]
    pub fn new(limits: TableLimits, tick: u64) -> Self {
        Self {
            limits,
            processes: HashMap::default(),
            by_number: HashMap::default(),
            ended: VecDeque::new(),
            novelty: Novelty::new(),
            containers: ContainerTable::new(Some(0), None),
            tick: tick.max(1),
            overflowed: 0,
        }
    }

    /// The table with another knowledge of containers.
    #[must_use]
    pub fn with_containers(mut self, containers: ContainerTable) -> Self {
        self.containers = containers;
        self
    }

    /// Takes in the cgroups that were there before the sensor.
    pub fn take_in_cgroups(&mut self, scanned: &[ScannedCgroup]) {
        self.containers.take_in(scanned);
    }

    /// Processes that have not ended.
    #[must_use]
    pub fn live(&self) -> usize {
        self.processes.len() - self.ended.len()
    }

    /// Processes that could not be kept for want of room.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The process, live or lately ended.
    #[must_use]
    pub fn get(&self, id: ProcessId) -> Option<&Process> {
        let process = self.processes.get(&id);
        let process = process.or_else(|| self.processes.get(&self.scanned_as(id)?));
        process.map(Box::as_ref)
    }

    /// The process, to be changed.
    pub fn get_mut(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.processes.get_mut(&self.known_as(id)).map(Box::as_mut)
    }

    /// Parent, grandparent and so on, as far as they are known, at most 16.
    pub fn ancestors(&self, id: ProcessId) -> impl Iterator<Item = &Process> {
        let first = self.get(id).and_then(|process| process.parent);
        let mut next = first;
        std::iter::from_fn(move || {
            let process = self.get(next?)?;
            next = process.parent;
            Some(process)
        })
        .take(16)
    }

    /// The newest process of this number.
    #[must_use]
    pub fn newest(&self, tgid: Tgid) -> Option<&Process> {
        let process = self.processes.get(self.by_number.get(&tgid)?)?;
        Some(process)
    }

    /// The id of a process by one whose start may be rounded down to a tick.
    #[must_use]
    pub fn exactly(&self, rounded: ProcessId) -> ProcessId {
        let is_same =
            |known: &&ProcessId| known.start.0 - known.start.0 % self.tick == rounded.start.0;
        let known = self.by_number.get(&rounded.tgid);
        known.filter(is_same).copied().unwrap_or(rounded)
    }

    /// What a thread was last known to have, in full.
    #[must_use]
    pub fn credentials(&self, process: ProcessId, tid: u32) -> Option<Credentials> {
        let known = self.get(process)?.credentials?;
        (known.tid == tid).then_some(known.credentials)
    }

    /// Takes in a process that was there before the sensor. Returns false when
    /// it was known already.
    pub fn insert_scanned(&mut self, scanned: &ScannedProcess) -> bool {
        if self.by_number.contains_key(&scanned.id.tgid) {
            return false;
        }
        let parent = self.by_number.get(&scanned.parent).copied();
        let mut process = Process::new(scanned.id);
        process.parent = parent;
        let standing = Standing {
            euid: scanned.credentials.euid,
            capabilities: scanned.credentials.effective,
            cgroup_id: scanned.facts.cgroup_id,
            mount_namespace: scanned.facts.mount_namespace,
        };
        process.stand(standing, &mut self.containers);
        process.credentials = Some(ThreadCredentials {
            tid: scanned.id.tgid.0,
            credentials: scanned.credentials,
        });
        process.image = (!scanned.exe.is_empty()).then(|| {
            let ScannedProcess { exe, cwd, args, .. } = scanned;
            Arc::new(Image::new(scanned.facts, exe, cwd, args))
        });
        self.insert(process);
        true
    }

    /// Sets the parent of each scanned process that was read before its parent.
    pub fn link_scanned(&mut self, parents: &[(ProcessId, Tgid)]) {
        for (id, parent) in parents {
            let Some(parent) = self.by_number.get(parent).copied() else {
                continue;
            };
            if let Some(process) = self.processes.get_mut(id)
                && process.parent.is_none()
                && parent != *id
            {
                process.parent = Some(parent);
            }
        }
    }

    /// The process under this id, made when it is not known: its fork was
    /// before the sensor, or was lost.
    fn ensure(&mut self, id: ProcessId) -> ProcessId {
        let known = self.known_as(id);
        if known != id {
            self.rename_process(known, id);
        } else if !self.processes.contains_key(&id) {
            self.insert(Process::new(id));
        }
        id
    }

    /// Under which id a process is in the table: a scanned one has its start
    /// rounded down to a tick until a record tells it exactly.
    fn known_as(&self, id: ProcessId) -> ProcessId {
        if self.processes.contains_key(&id) {
            return id;
        }
        self.scanned_as(id).unwrap_or(id)
    }

    /// Under which id a scanned process is in the table that is not there under
    /// this one.
    fn scanned_as(&self, id: ProcessId) -> Option<ProcessId> {
        let known = *self.by_number.get(&id.tgid)?;
        (known.start.0 == id.start.0 - id.start.0 % self.tick).then_some(known)
    }

    /// Gives a scanned process its exact start.
    fn rename_process(&mut self, known: ProcessId, exact: ProcessId) {
        let Some(mut process) = self.processes.remove(&known) else {
            return;
        };
        process.id = exact;
        for child in self.processes.values_mut() {
            if child.parent == Some(known) {
                child.parent = Some(exact);
            }
        }
        for ended in &mut self.ended {
            if *ended == known {
                *ended = exact;
            }
        }
        self.by_number.insert(exact.tgid, exact);
        self.processes.insert(exact, process);
    }

    fn insert(&mut self, process: Process) {
        if !self.processes.contains_key(&process.id)
            && self.processes.len() >= self.limits.processes
        {
            if self.ended.is_empty() {
                self.overflowed += 1;
                return;
            }
            self.forget_earliest_ended();
        }
        self.by_number.insert(process.id.tgid, process.id);
        let id = process.id;
        let replaced = self.processes.insert(id, Box::new(process));
        // Only a record that tells of the same process twice comes here.
        if replaced.is_some_and(|replaced| replaced.exited_at.is_some()) {
            self.ended.retain(|ended| *ended != id);
        }
    }

    fn forget_earliest_ended(&mut self) {
        let Some(id) = self.ended.pop_front() else {
            return;
        };
        self.processes.remove(&id);
        if self.by_number.get(&id.tgid) == Some(&id) {
            self.by_number.remove(&id.tgid);
        }
    }
}

#[cfg(test)]
mod tests;
