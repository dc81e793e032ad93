use std::sync::Arc;

use sensor_common::RecordKind;

use super::ProcessTable;
use crate::{
    capture::{BootTime, dns_name},
    event::{
        AF_INET, AF_INET6, Act, CredentialChange, Device, Event, Exec, FileSubject, Fork,
        OpenFlags, ProcessId, Reads, Setting, Standing, Target, Unrecorded,
    },
    state::{Behaviour, Count, Image, Process, ThreadCredentials},
};

/// What an event was to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A program was run.
    Program,
    /// A process began: the features of its ancestors tell of it.
    Lineage,
    /// A process ended.
    End,
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
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of act")]
    pub fn apply(&mut self, event: &Event<'_>, path: &[u8], second_path: &[u8]) -> Applied {
        let now = event.time;
        match &event.act {
            Act::Fork(fork) => self.fork(event, *fork),
            Act::Exec(exec) => self.exec(event, exec),
            Act::Exit(_) => self.exit(event),
            Act::Open(open) => self.open(event, &open.subject, open.flags, open.created, path),
            Act::ProcessMemory(memory) => {
                let foreign = memory.target != event.process.tgid;
                let count = foreign.then_some(Count::MemoryWrites);
                self.open_special(event, count, &memory.subject, memory.flags, path)
            }
            Act::Setting(Setting { subject, flags }) => {
                self.open_special(event, Some(Count::Settings), subject, *flags, path)
            }
            Act::Device(Device { subject, flags, .. }) => {
                self.open_special(event, Some(Count::Devices), subject, *flags, path)
            }
            Act::Unlink(unlink) if !unlink.subject.failed() => {
                self.act(event, |did| did.unlink(path, now))
            }
            Act::Rename(rename) if !rename.subject.failed() => {
                self.act(event, |did| did.rename(path, second_path, now))
            }
            Act::Link(link) if !link.subject.failed() => {
                self.act(event, |did| did.link(Count::Links, second_path, now))
            }
            Act::Symlink(symlink) if !symlink.subject.failed() => {
                self.act(event, |did| did.link(Count::Symlinks, path, now))
            }
            Act::Truncate(truncate) if !truncate.subject.failed() => {
                self.act(event, |did| did.truncate(path, now))
            }
            Act::Chmod(chmod) if !chmod.subject.failed() => {
                let mode = chmod.subject.mode.unwrap_or_default();
                self.act(event, |did| did.chmod(mode, now))
            }
            Act::Chown(chown) if !chown.subject.failed() => self.count_one(event, Count::Chowns),
            Act::SetTimes(set) if !set.subject.failed() && set.modified.is_some() => {
                self.count_one(event, Count::Backdates)
            }
            Act::SetAttribute(set) if !set.subject.failed() => {
                self.act(event, |did| did.attribute(set.attribute, now))
            }
            Act::Connect(socket) => self.act(event, |did| did.connect(socket, now)),
            Act::Send(socket) => self.act(event, |did| did.send(socket, now)),
            Act::Bind(_) => self.count_one(event, Count::Binds),
            Act::Listen(_) => self.act(event, |did| did.listen(now)),
            Act::Accept(_) => self.count_one(event, Count::Accepts),
            Act::Stdio(stdio) if matches!(stdio.socket.family, AF_INET | AF_INET6) => {
                self.count_one(event, Count::SocketStreams)
            }
            Act::Credentials(change) => self.credentials_change(event, change),
            Act::Signal(signal) if !self.is_relative(event.process, &signal.target) => {
                self.count_one(event, Count::Signals)
            }
            Act::Ptrace(trace) => {
                let foreign = !self.is_relative(event.process, &trace.target);
                self.act(event, |did| did.trace(foreign, now))
            }
            Act::RemoteWrite(write) if !self.is_relative(event.process, &write.target) => {
                self.count_one(event, Count::MemoryWrites)
            }
            // Threads of many programs name themselves; a whole program rarely does.
            Act::ThreadName(_) if event.tid == event.process.tgid.0 => {
                self.count_one(event, Count::NameChanges)
            }
            // Who may not do these tries all the same: failures count.
            Act::ArgumentsMove(_) => self.count_one(event, Count::NameChanges),
            Act::Session(_) => self.count_one(event, Count::Sessions),
            Act::Mount(_) | Act::Unmount(_) => self.count_one(event, Count::Mounts),
            Act::FileMap(_) => self.count_one(event, Count::Maps),
            Act::MakeSocket(_) => self.count_one(event, Count::RawSockets),
            Act::Dns(dns) => {
                let name = dns_name(dns.message);
                self.act(event, |did| did.ask(name, now))
            }
            Act::Namespaces(_) => self.count_one(event, Count::Namespaces),
            Act::Key(_) => self.count_one(event, Count::Keys),
            Act::Memfd(_) => self.count_one(event, Count::Memfds),
            Act::ExecutableMemory(_) => self.count_one(event, Count::ExecutableMemory),
            Act::Userfault(_) => self.count_one(event, Count::Userfaults),
            Act::Module(_) | Act::Kexec(_) => self.count_one(event, Count::Modules),
            Act::Bpf(_) => self.count_one(event, Count::Bpf),
            Act::Perf(_) => self.count_one(event, Count::PerfEvents),
            Act::IoUring(_) | Act::IoUringWork(_) => self.count_one(event, Count::Rings),
            Act::Audit(_) => self.count_one(event, Count::AuditChanges),
            // What failed, what a process does to itself or its children, and
            // what the act that it is part of tells.
            Act::Unlink(_)
            | Act::Rename(_)
            | Act::Link(_)
            | Act::Symlink(_)
            | Act::Truncate(_)
            | Act::Chmod(_)
            | Act::Chown(_)
            | Act::SetAttribute(_)
            | Act::SetTimes(_)
            | Act::Stdio(_)
            | Act::Signal(_)
            | Act::RemoteWrite(_)
            | Act::ThreadName(_)
            | Act::Write(_) => self.note(event, |_| {}),
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
    pub fn apply_reads(&mut self, reads: &Reads, now: BootTime) -> bool {
        let known = self.get(reads.process).is_some();
        if known {
            self.count(reads.process, None, |did| {
                did.read(reads.files, reads.directories, now);
            });
        }
        known
    }

    /// Counts an open for writing, or the reading of a watched file; any other read
    /// has its number ([`Self::apply_reads`]).
    fn open(
        &mut self,
        event: &Event<'_>,
        subject: &FileSubject<'_>,
        flags: OpenFlags,
        created: bool,
        path: &[u8],
    ) -> Applied {
        if !flags.write() && !created {
            // Only those that are watched have a record.
            return self.count_one(event, Count::SecretReads);
        }
        let id = self.ensure(event.process);
        self.novelty.write(subject.file, id);
        self.act(event, |did| {
            did.open(path, created, flags.empty(), event.time);
        })
    }

    /// Counts the opening of a file that stands for something else; one that may
    /// be written to is a file like any other, too.
    fn open_special(
        &mut self,
        event: &Event<'_>,
        count: Option<Count>,
        subject: &FileSubject<'_>,
        flags: OpenFlags,
        path: &[u8],
    ) -> Applied {
        let opened = if flags.write() {
            self.open(event, subject, flags, false, path)
        } else {
            self.note(event, |_| {})
        };
        count.map_or(opened, |count| self.count_one(event, count))
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
        self.count(parent, None, |did| {
            did.did(Count::Forks, event.time);
            if fork.new_namespaces().names().next().is_some() {
                did.did(Count::Namespaces, event.time);
            }
        });
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
            return Applied::End;
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
        Applied::End
    }

    /// Takes in other credentials of a thread.
    fn credentials_change(&mut self, event: &Event<'_>, change: &CredentialChange) -> Applied {
        let after = change.after;
        let credentials = ThreadCredentials {
            tid: event.tid,
            credentials: after,
        };
        // The record's header may have what the thread had before.
        let standing = Standing {
            euid: after.euid,
            capabilities: after.effective,
            ..event.standing
        };
        let gained = change
            .before
            .is_some_and(|before| before.euid != 0 && after.euid == 0);
        self.act(event, |did| did.change_rights(gained, event.time));
        self.note(event, |process| {
            process.standing = Some(standing);
            process.credentials = Some(credentials);
        });
        Applied::Behaviour
    }

    /// True when an act on a target is an act on the process itself, on a
    /// descendant, or on a group, whose members are not known.
    fn is_relative(&self, actor: ProcessId, target: &Target) -> bool {
        let tgid = target.process.tgid;
        if tgid == actor.tgid || tgid.0.cast_signed() <= 0 {
            return true;
        }
        self.newest(tgid)
            .is_some_and(|target| self.ancestors(target.id).any(|above| above.id == actor))
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

    /// Counts an act of which nothing but its kind matters.
    fn count_one(&mut self, event: &Event<'_>, count: Count) -> Applied {
        self.act(event, |did| did.did(count, event.time))
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
