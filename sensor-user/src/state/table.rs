use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{Behaviour, Image, Novelty, Process};
use crate::{
    capture::{BootTime, ScannedProcess},
    event::{Act, Event, Exec, Fork, ProcessId, Tgid},
};

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
    processes: HashMap<ProcessId, Process>,
    /// The newest process of each number.
    by_number: HashMap<Tgid, ProcessId>,
    /// Ended processes, the earliest first.
    ended: VecDeque<ProcessId>,
    novelty: Novelty,
    /// Nanoseconds that the start of a scanned process is exact to.
    tick: u64,
    overflowed: u64,
}

impl ProcessTable {
    /// An empty table. `tick` is the resolution of scanned start times, in ns.
    #[must_use]
    pub fn new(limits: TableLimits, tick: u64) -> Self {
        Self {
            limits,
            processes: HashMap::new(),
            by_number: HashMap::new(),
            ended: VecDeque::new(),
            novelty: Novelty::new(),
            tick: tick.max(1),
            overflowed: 0,
        }
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
        self.processes.get(&self.known_as(id))
    }

    /// The process, to be changed.
    pub fn get_mut(&mut self, id: ProcessId) -> Option<&mut Process> {
        self.processes.get_mut(&self.known_as(id))
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

    /// Takes in a process that was there before the sensor. Returns false when
    /// it was known already.
    pub fn insert_scanned(&mut self, scanned: ScannedProcess) -> bool {
        if self.by_number.contains_key(&scanned.id.tgid) {
            return false;
        }
        let parent = self.by_number.get(&scanned.parent).copied();
        let mut process = Process::new(scanned.id);
        process.parent = parent;
        process.image = (!scanned.exe.is_empty()).then(|| {
            Arc::new(Image {
                facts: scanned.facts,
                exe: scanned.exe.into(),
                cwd: scanned.cwd.into(),
                args_total: u32::try_from(scanned.args.len()).unwrap_or(u32::MAX),
                args: scanned.args.into(),
            })
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

    /// Takes in one event. `path` and `second_path` are its resolved paths,
    /// empty where it has none. Returns false for the second exit of a process,
    /// which is no news.
    pub fn apply(&mut self, event: &Event<'_>, path: &[u8], second_path: &[u8]) -> bool {
        let now = event.time;
        match &event.act {
            Act::Fork(fork) => self.fork(event.process, *fork),
            Act::Exec(exec) => self.exec(event.process, exec, now),
            Act::Exit(_) => return self.exit(event.process, now),
            Act::Open(open) => {
                /// `O_TRUNC` (`include/uapi/asm-generic/fcntl.h`)
                const TRUNCATE: u32 = 0o1000;
                let id = self.known_as(event.process);
                self.novelty.write(open.file, id);
                let emptied = open.flags & TRUNCATE != 0;
                self.act(id, |did| did.open(path, open.created, emptied, now));
            }
            Act::Unlink(_) => self.act(event.process, |did| did.unlink(path, now)),
            Act::Rename(_) => self.act(event.process, |did| did.rename(path, second_path, now)),
            Act::Chmod(chmod) => self.act(event.process, |did| did.chmod(chmod.mode)),
            Act::Connect(socket) => self.act(event.process, |did| did.connect(socket, now)),
            Act::Bind(_) => self.act(event.process, Behaviour::bind),
            Act::Listen(_) => self.act(event.process, Behaviour::listen),
            Act::Accept(_) => self.act(event.process, Behaviour::accept),
        }
        true
    }

    fn fork(&mut self, child: ProcessId, fork: Fork) {
        let parent = self.known_as(fork.parent);
        let mut process = Process::new(child);
        process.parent = Some(parent);
        if let Some(known) = self.processes.get(&parent) {
            process.image.clone_from(&known.image);
            process.executable_seen = known.executable_seen;
            process.pair_seen = known.pair_seen;
            process.executable_from_tree = known.executable_from_tree;
        }
        self.insert(process);
        self.act(parent, Behaviour::fork);
    }

    fn exec(&mut self, id: ProcessId, exec: &Exec<'_>, now: BootTime) {
        let id = self.ensure(id);
        let parent = self.known_as(exec.parent);
        let parent_file = self
            .processes
            .get(&parent)
            .and_then(|parent| parent.image.as_ref())
            .map(|image| image.facts.file)
            .unwrap_or_default();
        let (executable_seen, pair_seen) = self.novelty.exec(parent_file, exec.facts.file);
        let from_tree = self.written_in_tree(id, exec);
        if let Some(process) = self.processes.get_mut(&id) {
            process.parent = Some(parent);
            process.image = Some(Arc::new(Image::from_exec(exec)));
            process.exec_at = now;
            process.executable_seen = executable_seen;
            process.pair_seen = pair_seen;
            process.executable_from_tree = from_tree;
        }
        self.act(id, |did| did.exec(now));
    }

    /// True when the executable was lately written by the process itself, one
    /// of its nearest ancestors, or a child of such an ancestor.
    fn written_in_tree(&self, id: ProcessId, exec: &Exec<'_>) -> bool {
        let Some(writer) = self.novelty.writer(exec.facts.file) else {
            return false;
        };
        let writer_parent = self.get(writer).and_then(|process| process.parent);
        let mut near = std::iter::once(id).chain(
            self.ancestors(id)
                .take(Process::GATHERED_LEVELS)
                .map(|process| process.id),
        );
        near.any(|candidate| candidate == writer || Some(candidate) == writer_parent)
    }

    fn exit(&mut self, id: ProcessId, now: BootTime) -> bool {
        let id = self.ensure(id);
        let Some(process) = self.processes.get_mut(&id) else {
            return true;
        };
        if process.exited_at.is_some() {
            return false;
        }
        process.exited_at = Some(now);
        self.ended.push_back(id);
        while self.ended.len() > self.limits.ended {
            self.forget_earliest_ended();
        }
        true
    }

    /// Counts an act of a process, and for its nearest ancestors.
    fn act(&mut self, id: ProcessId, count: impl Fn(&mut Behaviour)) {
        let id = self.ensure(id);
        let mut ancestor = None;
        if let Some(process) = self.processes.get_mut(&id) {
            count(&mut process.own);
            ancestor = process.parent;
        }
        for _ in 0..Process::GATHERED_LEVELS {
            let Some(process) = ancestor.and_then(|id| self.processes.get_mut(&id)) else {
                return;
            };
            count(&mut process.descendants);
            ancestor = process.parent;
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
        match self.by_number.get(&id.tgid) {
            Some(&known) if known.start.0 == id.start.0 - id.start.0 % self.tick => known,
            _ => id,
        }
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
        self.processes.insert(process.id, process);
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
