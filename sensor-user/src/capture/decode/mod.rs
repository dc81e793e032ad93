//! From a record's bytes to a typed event: trusts no length and no tag.

mod dns;
mod file;
mod network;
mod process;
mod reader;
mod target;
mod value;

use sensor_common::{RecordHeader, RecordKind};
use thiserror::Error;

use super::BootTime;
use crate::event::{Act, Capabilities, Event, ProcessId, Standing, Tgid};
use reader::{Body, fixed};

pub use dns::{DnsQuestion, dns_name, dns_question};

/// Why a record was skipped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than its header says, or than its kind needs.
    #[error("torn record: {found} bytes where {needed} are needed")]
    Torn {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        needed: usize,
    },
    /// A kind that this agent does not know.
    #[error("unknown record kind {tag}")]
    UnknownKind {
        /// The tag.
        tag: u16,
    },
    /// The parts of the tail do not add up to its length.
    #[error("a part of {length} bytes goes beyond the record's end")]
    TailOverrun {
        /// The part's length.
        length: usize,
    },
}

/// Decodes one record.
pub fn decode(record: &[u8]) -> Result<Event<'_>, DecodeError> {
    let (header, rest) = fixed::<RecordHeader>(record)?;
    let length = header.length as usize;
    if length > record.len() || length < size_of::<RecordHeader>() {
        return Err(DecodeError::Torn {
            found: record.len(),
            needed: length,
        });
    }
    let kind =
        RecordKind::from_tag(header.kind).ok_or(DecodeError::UnknownKind { tag: header.kind })?;
    let standing = Standing {
        euid: header.euid,
        capabilities: Capabilities(header.capabilities),
        cgroup_id: header.cgroup_id,
        mount_namespace: header.mount_namespace,
    };
    let body = Body {
        bytes: &rest[..length - size_of::<RecordHeader>()],
        flags: header.flags,
    };
    Ok(Event {
        time: BootTime(header.time),
        process: process_id(header.tgid, header.start_time),
        tid: header.tid,
        flags: header.flags,
        standing,
        act: act(kind, body, &standing)?,
    })
}

fn act<'a>(kind: RecordKind, body: Body<'a>, standing: &Standing) -> Result<Act<'a>, DecodeError> {
    Ok(match kind {
        RecordKind::ProcessFork => Act::Fork(process::fork(body)?),
        RecordKind::ProcessExec => Act::Exec(process::exec(body, standing)?),
        RecordKind::ProcessExit => Act::Exit(process::exit(body)?),
        RecordKind::FileOpen => Act::Open(file::open(body)?),
        RecordKind::FileUnlink => Act::Unlink(file::unlink(body)?),
        RecordKind::FileRename => Act::Rename(file::rename(body)?),
        RecordKind::FileChmod => Act::Chmod(file::chmod(body)?),
        RecordKind::NetworkConnect => Act::Connect(network::socket(body)?),
        RecordKind::NetworkBind => Act::Bind(network::socket(body)?),
        RecordKind::NetworkListen => Act::Listen(network::socket(body)?),
        RecordKind::NetworkAccept => Act::Accept(network::socket(body)?),
        RecordKind::ProcessSignal => Act::Signal(target::signal(body)?),
        RecordKind::ProcessRename => Act::ThreadName(value::thread_name(body)?),
        RecordKind::ProcessArguments => Act::ArgumentsMove(value::arguments_move(body)?),
        RecordKind::ProcessSession => Act::Session(value::session(body)?),
        RecordKind::FileLink => Act::Link(file::link(body)?),
        RecordKind::FileSymlink => Act::Symlink(file::symlink(body)?),
        RecordKind::FileChown => Act::Chown(file::chown(body)?),
        RecordKind::FileXattr => Act::SetAttribute(file::set_attribute(body)?),
        RecordKind::FileTruncate => Act::Truncate(file::truncate(body)?),
        RecordKind::FileMount => Act::Mount(file::mount(body)?),
        RecordKind::FileUnmount => Act::Unmount(file::unmount(body)?),
        RecordKind::FileWrite => Act::Write(file::write(body)?),
        RecordKind::FileMap => Act::FileMap(file::map(body)?),
        RecordKind::NetworkSend => Act::Send(network::socket(body)?),
        RecordKind::NetworkSocket => Act::MakeSocket(network::socket(body)?),
        RecordKind::NetworkDns => Act::Dns(network::dns(body)?),
        RecordKind::NetworkStdio => Act::Stdio(network::stdio(body)?),
        RecordKind::CredentialsChange => Act::Credentials(process::credentials(body)?),
        RecordKind::CredentialsNamespace => Act::Namespaces(process::namespaces(body)?),
        RecordKind::CredentialsKey => Act::Key(value::key(body)?),
        RecordKind::MemoryMemfd => Act::Memfd(value::memfd(body)?),
        RecordKind::MemoryPtrace => Act::Ptrace(target::ptrace(body)?),
        RecordKind::MemoryWrite => Act::RemoteWrite(target::remote_write(body)?),
        RecordKind::MemoryProcess => Act::ProcessMemory(file::process_memory(body)?),
        RecordKind::MemoryExecutable => Act::ExecutableMemory(value::executable_memory(body)?),
        RecordKind::MemoryUserfault => Act::Userfault(value::userfault(body)?),
        RecordKind::KernelModule => Act::Module(value::module(body)?),
        RecordKind::KernelBpf => Act::Bpf(value::bpf(body)?),
        RecordKind::KernelPerf => Act::Perf(value::perf(body)?),
        RecordKind::KernelKexec => Act::Kexec(value::kexec(body)?),
        RecordKind::KernelIoUring => Act::IoUring(value::io_uring(body)?),
        RecordKind::KernelIoUringWork => Act::IoUringWork(value::io_uring_work(body)?),
        RecordKind::KernelSetting => Act::Setting(file::setting(body)?),
        RecordKind::KernelDevice => Act::Device(file::device(body)?),
        RecordKind::KernelAudit => Act::Audit(value::audit(body)?),
        RecordKind::FileTimes => Act::SetTimes(file::set_times(body)?),
        RecordKind::CgroupCreate => Act::CgroupCreate(process::cgroup_create(body)?),
    })
}

const fn process_id(tgid: u32, start: u64) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(start),
    }
}

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
