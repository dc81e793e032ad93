//! From events and process state to records.

mod file;
mod kernel;
mod memory;
mod network;
mod process;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sensor_common::flags;

use super::record::{
    CgroupPart, ChangePart, CredentialsPart, ForkPart, HashPart, KeyPart, NamespacesPart,
    ProcessPart, Record, RecordName, RepeatPart, Through,
};
use crate::{
    capture::{PathSource, WallClock},
    event::{Act, CgroupCreate, Event, Fork, KeyUse, NamespaceChange, ProcessId, Unrecorded},
    hash::{Executed, Hashed},
    outputs::names,
    state::{Portrait, Process, ProcessTable},
};

/// A path that the resolver made absolute, with its origin.
pub(super) type ResolvedPath<'a> = (&'a [u8], PathSource);

/// Makes output records from events and process state.
#[derive(Clone, Copy, Debug)]
pub struct RecordBuilder {
    /// For wall-clock times.
    pub clock: WallClock,
}

impl RecordBuilder {
    /// The record of an event. `path` and `target` are its resolved paths;
    /// `killed_after` is set for the end of a process that the sensor killed.
    #[must_use]
    pub fn event(
        &self,
        event: &Event<'_>,
        table: &ProcessTable,
        killed_after: Option<Duration>,
        path: Option<ResolvedPath<'_>>,
        target: Option<ResolvedPath<'_>>,
    ) -> Record {
        let kind = RecordName::from(event.act.kind());
        let mut record = Record::new(kind, self.clock.rfc3339(event.time));
        record.attempt = event.flags & flags::ATTEMPT != 0;
        record.through = through(event.flags);
        let mut process = self.process(event.process, table);
        process.tid = Some(event.tid);
        process::describe_standing(&mut process, &event.standing);
        if event.flags & flags::ARGS_TRUNCATED != 0 {
            process.args_truncated = true;
        }
        record.process = Some(process);
        record.file = path.and_then(|path| file::part(self.clock, event, path, target));
        match &event.act {
            Act::Fork(fork) => record.fork = Some(fork_part(fork)),
            Act::Exec(exec) => {
                let image = table
                    .get(event.process)
                    .and_then(|known| known.image.as_ref());
                let hash = image.and_then(|image| image.sha256.get()).copied();
                record.exec = Some(process::exec_part(&exec.facts, hash, Some(exec.filename)));
            }
            Act::Exit(exit) => record.exit = Some(process::exit_part(exit.status, killed_after)),
            Act::Connect(socket)
            | Act::Bind(socket)
            | Act::Listen(socket)
            | Act::Accept(socket)
            | Act::Send(socket)
            | Act::MakeSocket(socket) => {
                record.network = Some(network::part(socket, event.flags));
            }
            Act::Dns(dns) => record.network = Some(network::dns_part(dns, event.flags)),
            Act::Stdio(stdio) => record.network = Some(network::stdio_part(stdio, event.flags)),
            Act::Signal(signal) => {
                record.target = Some(target::signal_part(signal, event.process, table));
            }
            Act::Ptrace(ptrace) => {
                record.target = Some(target::ptrace_part(ptrace, event.process, table));
            }
            Act::RemoteWrite(write) => {
                record.target = Some(target::write_part(write, event.process, table));
            }
            Act::ThreadName(thread) => {
                record.change = Some(ChangePart {
                    name: Some(text(thread.name)),
                    ..ChangePart::default()
                });
            }
            Act::ArgumentsMove(moved) => {
                record.change = Some(ChangePart {
                    option: Some(names::memory_option(moved.option)),
                    ..ChangePart::default()
                });
            }
            Act::Session(session) => {
                record.change = Some(ChangePart {
                    session: session.result,
                    ..ChangePart::default()
                });
            }
            Act::Credentials(change) => {
                record.credentials = Some(CredentialsPart {
                    after: change.after,
                    before: change.before,
                });
            }
            Act::Namespaces(change) => record.namespaces = Some(namespaces_part(change)),
            Act::Key(key) => record.key = Some(key_part(key)),
            Act::Memfd(memfd) => record.memory = Some(memory::memfd_part(memfd)),
            Act::ExecutableMemory(memory) => {
                record.memory = Some(memory::executable_part(memory));
            }
            Act::Userfault(userfault) => record.memory = Some(memory::userfault_part(userfault)),
            Act::Module(module) => record.kernel = Some(kernel::module_part(module)),
            Act::Bpf(bpf) => record.kernel = Some(kernel::bpf_part(bpf)),
            Act::Perf(perf) => record.kernel = Some(kernel::perf_part(perf)),
            Act::Kexec(kexec) => record.kernel = Some(kernel::kexec_part(kexec)),
            Act::IoUring(ring) => record.kernel = Some(kernel::io_uring_part(ring)),
            Act::IoUringWork(work) => record.kernel = Some(kernel::io_uring_work_part(*work)),
            Act::Audit(audit) => record.kernel = Some(kernel::audit_part(audit)),
            Act::CgroupCreate(cgroup) => record.cgroup = Some(cgroup_part(cgroup)),
            Act::Open(_)
            | Act::Unlink(_)
            | Act::Rename(_)
            | Act::Chmod(_)
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
            | Act::ProcessMemory(_)
            | Act::Setting(_)
            | Act::Device(_) => {}
        }
        record
    }

    /// The record of a process that was there before the sensor.
    #[must_use]
    pub fn snapshot(&self, process: &Process, table: &ProcessTable) -> Record {
        let time = self.clock.rfc3339(process.id.start);
        let mut record = Record::new(RecordName::ProcessSnapshot, time);
        record.process = Some(self.process(process.id, table));
        record.exec = process
            .image
            .as_deref()
            .map(|image| process::exec_part(&image.facts, image.sha256.get().copied(), None));
        record
    }

    /// The record of an executable that was hashed, or not.
    #[must_use]
    pub fn hash(&self, hashed: &Hashed, table: &ProcessTable) -> Record {
        let Executed {
            process,
            time,
            image,
            ..
        } = &hashed.executed;
        let mut record = Record::new(RecordName::ProcessHash, self.clock.rfc3339(*time));
        record.process = Some(self.process(*process, table));
        record.hash = Some(HashPart {
            sha256: hashed.outcome.ok().map(|(hash, _)| hash),
            reason: hashed.outcome.err(),
            device: device(image.facts.file.device),
            inode: image.facts.file.inode,
            path: text(&image.exe),
        });
        record
    }

    /// Acts that have no record of their own.
    #[must_use]
    pub fn unrecorded(&self, acts: &Unrecorded, table: &ProcessTable) -> Record {
        let mut record = Record::new(RecordName::Repeat, self.clock.rfc3339(acts.since));
        record.process = Some(self.process(acts.process, table));
        let span = acts.until.since(acts.since).as_nanos();
        record.repeat = Some(RepeatPart {
            record: acts.kind.name(),
            count: acts.count,
            span_ns: u64::try_from(span).unwrap_or(u64::MAX),
        });
        record
    }

    /// A process with all that is known of it.
    #[must_use]
    pub fn process(&self, id: ProcessId, table: &ProcessTable) -> ProcessPart {
        process::part(self.clock, id, table)
    }

    /// A process as it was.
    #[must_use]
    pub fn portrait(&self, portrait: &Portrait) -> ProcessPart {
        process::portrait_part(self.clock, portrait)
    }
}

const fn through(record_flags: u16) -> Option<Through> {
    if record_flags & flags::IO_URING != 0 {
        Some(Through::IoUring)
    } else if record_flags & flags::COMPAT != 0 {
        Some(Through::Compat)
    } else {
        None
    }
}

const fn fork_part(fork: &Fork) -> ForkPart {
    ForkPart {
        flags: fork.flags,
        new_namespaces: fork.new_namespaces(),
        shares_memory: fork.shares_memory(),
    }
}

const fn namespaces_part(change: &NamespaceChange) -> NamespacesPart {
    NamespacesPart {
        joined: change.joined,
        flags: change.flags,
        mount: change.namespaces.mount,
        pid: change.namespaces.pid,
        network: change.namespaces.network,
        user: change.namespaces.user,
        uts: change.namespaces.uts,
        ipc: change.namespaces.ipc,
        cgroup: change.namespaces.cgroup,
        result: change.result,
    }
}

fn key_part(key: &KeyUse) -> KeyPart {
    KeyPart {
        command: names::key_command(key.command),
        arguments: key.arguments,
        result: key.result,
    }
}

fn cgroup_part(cgroup: &CgroupCreate<'_>) -> CgroupPart {
    CgroupPart {
        id: cgroup.id,
        hierarchy: cgroup.hierarchy,
        path: text(cgroup.path),
    }
}

/// The kernel's form of a device number (`include/linux/kdev_t.h`).
fn device(device: u32) -> String {
    format!("{}:{}", device >> 20, device & 0xf_ffff)
}

fn octal(mode: u16) -> String {
    format!("{:04o}", mode & 0o7777)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The text, where there is any.
fn some_text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| text(bytes))
}
