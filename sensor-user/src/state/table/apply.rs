use std::sync::Arc;

use sensor_common::RecordKind;

use super::ProcessTable;
use crate::{
    event::{
        Act, Device, Event, Exec, FileSubject, Fork, OpenFlags, ProcessId, ProcessMemory, Reads,
        Setting, Standing, Unrecorded,
    },
    state::{Behaviour, Image, Process, ThreadCredentials},
};

/// What an event was to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A program was run.
    Program,
    /// A process began or ended: the features of its ancestors tell of it.
    Lineage,
    /// An act that the features tell of.
    Behaviour,
    /// An act that they do not: it says no more than who is there, with which
    /// rights.
    Noted,
    /// No news: the second exit of a process.
    Repeated,
}

impl ProcessTable {
    /// Takes in one event. `path` and `second_path` are its resolved paths,
    /// empty where it has none.
    pub fn apply(&mut self, event: &Event<'_>, path: &[u8], second_path: &[u8]) -> Applied {
        let now = event.time;
        match &event.act {
            Act::Fork(fork) => self.fork(event, *fork),
            Act::Exec(exec) => self.exec(event, exec),
            Act::Exit(_) => self.exit(event),
            Act::Open(open) => self.open(event, &open.subject, open.flags, open.created, path),
            // Files like any other to the features.
            Act::ProcessMemory(ProcessMemory { subject, flags, .. })
            | Act::Setting(Setting { subject, flags })
            | Act::Device(Device { subject, flags, .. }) => {
                self.open(event, subject, *flags, false, path)
            }
            Act::Unlink(unlink) if !unlink.subject.failed() => {
                self.act(event, |did| did.unlink(path, now))
            }
            Act::Rename(rename) if !rename.subject.failed() => {
                self.act(event, |did| did.rename(path, second_path, now))
            }
            Act::Chmod(chmod) if !chmod.subject.failed() => {
                let mode = chmod.subject.mode.unwrap_or_default();
                self.act(event, |did| did.chmod(mode))
            }
            Act::Connect(socket) => self.act(event, |did| did.connect(socket, now)),
            Act::Bind(_) => self.act(event, Behaviour::bind),
            Act::Listen(_) => self.act(event, Behaviour::listen),
            Act::Accept(_) => self.act(event, Behaviour::accept),
            Act::Credentials(change) => {
                let credentials = ThreadCredentials {
                    tid: event.tid,
                    credentials: change.after,
                };
                // The record's header may have what the thread had before.
                let standing = Standing {
                    euid: change.after.euid,
                    capabilities: change.after.effective,
                    ..event.standing
                };
                self.note(event, |process| {
                    process.standing = Some(standing);
                    process.credentials = Some(credentials);
                })
            }
            Act::Unlink(_)
            | Act::Rename(_)
            | Act::Chmod(_)
            | Act::Signal(_)
            | Act::ThreadName(_)
            | Act::ArgumentsMove(_)
            | Act::Session(_)
            | Act::Link(_)
            | Act::Symlink(_)
            | Act::Chown(_)
            | Act::SetAttribute(_)
            | Act::SetTimes(_)
            | Act::Truncate(_)
            | Act::Mount(_)
            | Act::Unmount(_)
            | Act::Write(_)
            | Act::FileMap(_)
            | Act::Send(_)
            | Act::MakeSocket(_)
            | Act::Dns(_)
            | Act::Stdio(_)
            | Act::Namespaces(_)
            | Act::Key(_)
            | Act::Memfd(_)
            | Act::Ptrace(_)
            | Act::RemoteWrite(_)
            | Act::ExecutableMemory(_)
            | Act::Userfault(_)
            | Act::Module(_)
            | Act::Bpf(_)
            | Act::Perf(_)
            | Act::Kexec(_)
            | Act::IoUring(_)
            | Act::IoUringWork(_)
            | Act::Audit(_) => self.note(event, |_| {}),
            Act::CgroupCreate(cgroup) => {
                self.containers.made(cgroup);
                self.note(event, |_| {})
            }
        }
    }

    /// Takes in acts that have no record of their own.
    pub fn apply_unrecorded(&mut self, acts: &Unrecorded) -> Applied {
        let Unrecorded {
            process,
            kind,
            count,
            until,
            ..
        } = *acts;
        // One that has been forgotten since has ended: it must not live again.
        let Some(known) = self.get_mut(process) else {
            return Applied::Noted;
        };
        if kind == RecordKind::CredentialsChange {
            // Its last one had no record.
            known.credentials = None;
        }
        if !Behaviour::default().unrecorded(kind, count, until) {
            return Applied::Noted;
        }
        self.count(process, None, |did| {
            did.unrecorded(kind, count, until);
        });
        Applied::Behaviour
    }

    /// Takes in what a process opened only to read it; false when nobody knows the
    /// process.
    pub fn apply_reads(&mut self, reads: &Reads) -> bool {
        let known = self.get(reads.process).is_some();
        if known {
            self.count(reads.process, None, |did| {
                did.read(reads.files, reads.directories);
            });
        }
        known
    }

    /// Counts an open for writing; a plain read has its number ([`Self::apply_reads`]).
    fn open(
        &mut self,
        event: &Event<'_>,
        subject: &FileSubject<'_>,
        flags: OpenFlags,
        created: bool,
        path: &[u8],
    ) -> Applied {
        if !flags.write() && !created {
            return self.note(event, |_| {});
        }
        let id = self.ensure(event.process);
        self.novelty.write(subject.file, id);
        self.act(event, |did| {
            did.open(path, created, flags.empty(), event.time);
        })
    }

    fn fork(&mut self, event: &Event<'_>, fork: Fork) -> Applied {
        let parent = self.known_as(fork.parent);
        let mut process = Process::new(event.process);
        process.parent = Some(parent);
        process.stand(event.standing, &mut self.containers);
        if let Some(known) = self.processes.get(&parent) {
            process.image.clone_from(&known.image);
            process.executable_seen = known.executable_seen;
            process.pair_seen = known.pair_seen;
            process.executable_from_tree = known.executable_from_tree;
        }
        self.insert(process);
        // The record tells the rights of the child, not of the parent.
        self.count(parent, None, Behaviour::fork);
        Applied::Lineage
    }

    fn exec(&mut self, event: &Event<'_>, exec: &Exec<'_>) -> Applied {
        let id = self.ensure(event.process);
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
            // A program's file may give rights or take them, and the record of
            // an exec does not have them all.
            process.credentials = None;
            process.exec_at = event.time;
            process.executable_seen = executable_seen;
            process.pair_seen = pair_seen;
            process.executable_from_tree = from_tree;
        }
        self.act(event, |did| did.exec(event.time));
        Applied::Program
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

    fn exit(&mut self, event: &Event<'_>) -> Applied {
        let id = self.ensure(event.process);
        let Some(process) = self.processes.get_mut(&id) else {
            return Applied::Lineage;
        };
        if process.exited_at.is_some() {
            return Applied::Repeated;
        }
        process.stand(event.standing, &mut self.containers);
        process.exited_at = Some(event.time);
        self.ended.push_back(id);
        while self.ended.len() > self.limits.ended {
            self.forget_earliest_ended();
        }
        Applied::Lineage
    }

    /// Takes in who acted, and what an act that is not counted changed.
    fn note(&mut self, event: &Event<'_>, change: impl FnOnce(&mut Process)) -> Applied {
        let id = self.ensure(event.process);
        if let Some(process) = self.processes.get_mut(&id) {
            process.stand(event.standing, &mut self.containers);
            change(process);
        }
        Applied::Noted
    }

    /// Counts an act of the process that acted, and for its nearest ancestors.
    fn act(&mut self, event: &Event<'_>, count: impl Fn(&mut Behaviour)) -> Applied {
        self.count(event.process, Some(event.standing), count);
        Applied::Behaviour
    }

    /// Counts an act of a process, and for its nearest ancestors.
    fn count(&mut self, id: ProcessId, standing: Option<Standing>, count: impl Fn(&mut Behaviour)) {
        let id = self.ensure(id);
        let mut ancestor = None;
        if let Some(process) = self.processes.get_mut(&id) {
            if let Some(standing) = standing {
                process.stand(standing, &mut self.containers);
            }
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
}
