//! Acts that a few numbers and a name tell. What each number means is the table
//! at [`ValueRecord`].

use sensor_common::ValueRecord;

use super::{DecodeError, reader::Body};
use crate::event::{
    ArgumentsMove, Audit, Bpf, ExecutableMemory, IoUring, IoUringWork, Kexec, KeyUse, Memfd,
    MemoryRange, Module, Perf, Protection, Session, ThreadName, Userfault,
};

/// A value record, its result and name taken apart.
struct Parts<'a> {
    values: [u64; 4],
    name: &'a [u8],
    result: Option<i32>,
}

fn parts(body: Body<'_>) -> Result<Parts<'_>, DecodeError> {
    let (record, mut tail) = body.split::<ValueRecord>()?;
    Ok(Parts {
        values: record.values,
        name: tail.part(record.name_length)?,
        result: body.result(record.result),
    })
}

pub(super) fn thread_name(body: Body<'_>) -> Result<ThreadName<'_>, DecodeError> {
    Ok(ThreadName {
        name: parts(body)?.name,
    })
}

pub(super) fn arguments_move(body: Body<'_>) -> Result<ArgumentsMove, DecodeError> {
    let [option, ..] = parts(body)?.values;
    Ok(ArgumentsMove { option })
}

pub(super) fn session(body: Body<'_>) -> Result<Session, DecodeError> {
    Ok(Session {
        result: parts(body)?.result,
    })
}

pub(super) fn key(body: Body<'_>) -> Result<KeyUse, DecodeError> {
    let Parts { values, result, .. } = parts(body)?;
    let [command, second, third, _] = values;
    Ok(KeyUse {
        command,
        arguments: [second, third],
        result,
    })
}

pub(super) fn memfd(body: Body<'_>) -> Result<Memfd<'_>, DecodeError> {
    /// What the kernel puts before the name of a memfd's dentry (`mm/memfd.c`).
    const PREFIX: &[u8] = b"memfd:";
    let parts = parts(body)?;
    let [flags, inode, ..] = parts.values;
    Ok(Memfd {
        name: parts.name.strip_prefix(PREFIX).unwrap_or(parts.name),
        flags,
        inode,
        result: parts.result,
    })
}

pub(super) fn executable_memory(body: Body<'_>) -> Result<ExecutableMemory<'_>, DecodeError> {
    let parts = parts(body)?;
    let [address, length, protection, changed] = parts.values;
    Ok(ExecutableMemory {
        range: (length != 0).then_some(MemoryRange { address, length }),
        protection: Protection(protection),
        changed: changed != 0,
        file: parts.name,
    })
}

pub(super) fn userfault(body: Body<'_>) -> Result<Userfault, DecodeError> {
    let parts = parts(body)?;
    let [flags, ..] = parts.values;
    Ok(Userfault {
        flags,
        result: parts.result,
    })
}

pub(super) fn module(body: Body<'_>) -> Result<Module<'_>, DecodeError> {
    Ok(Module {
        name: parts(body)?.name,
    })
}

pub(super) fn bpf(body: Body<'_>) -> Result<Bpf<'_>, DecodeError> {
    let parts = parts(body)?;
    let [command, object_type, ..] = parts.values;
    Ok(Bpf {
        command,
        object_type: known_type(object_type),
        name: parts.name,
        result: parts.result,
    })
}

pub(super) fn perf(body: Body<'_>) -> Result<Perf, DecodeError> {
    let Parts { values, result, .. } = parts(body)?;
    let [event_type, config, pid, cpu] = values;
    Ok(Perf {
        event_type: known_type(event_type),
        config,
        pid: result.map(|_| int_argument(pid)),
        cpu: result.map(|_| int_argument(cpu)),
        result,
    })
}

/// A type of an object; all ones stand for none.
fn known_type(object_type: u64) -> Option<u64> {
    (object_type != u64::MAX).then_some(object_type)
}

/// An `int` argument of a system call: the caller leaves the upper half of its
/// register as it likes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half is the argument"
)]
const fn int_argument(register: u64) -> i32 {
    register as i32
}

pub(super) fn kexec(body: Body<'_>) -> Result<Kexec, DecodeError> {
    let Parts { values, result, .. } = parts(body)?;
    let [flags, from_file, ..] = values;
    Ok(Kexec {
        flags,
        from_file: from_file != 0,
        result,
    })
}

pub(super) fn io_uring(body: Body<'_>) -> Result<IoUring, DecodeError> {
    let Parts { values, result, .. } = parts(body)?;
    let [entries, completions, flags, _] = values;
    Ok(IoUring {
        entries,
        completions,
        flags,
        result,
    })
}

pub(super) fn io_uring_work(body: Body<'_>) -> Result<IoUringWork, DecodeError> {
    let [operation, ..] = parts(body)?.values;
    Ok(IoUringWork { operation })
}

pub(super) fn audit(body: Body<'_>) -> Result<Audit, DecodeError> {
    let [message, mask, enabled, _] = parts(body)?.values;
    Ok(Audit {
        message,
        mask,
        enabled,
    })
}

#[cfg(test)]
mod tests {
    use sensor_common::RecordKind;

    use super::*;
    use crate::{
        capture::{decode, test_support::record},
        event::Act,
    };

    #[test]
    fn values_mean_what_their_kind_says() {
        let fixed = |values| ValueRecord {
            values,
            result: 3,
            name_length: 2,
            reserved: 0,
        };
        let perf = fixed([4, 0xff, 0xffff_ffff, 0xffff_ffff]);
        let bytes = record(RecordKind::KernelPerf, 0, &perf, b"xx");
        let Act::Perf(perf) = decode(&bytes).unwrap().act else {
            panic!("not a performance event")
        };
        assert_eq!(
            (perf.pid, perf.cpu, perf.result),
            (Some(-1), Some(-1), Some(3))
        );

        for (object_type, expected) in [(u64::MAX, None), (0, Some(0))] {
            let bpf = fixed([5, object_type, 0, 0]);
            let bytes = record(RecordKind::KernelBpf, 0, &bpf, b"xx");
            let Act::Bpf(bpf) = decode(&bytes).unwrap().act else {
                panic!("not an eBPF act")
            };
            assert_eq!((bpf.object_type, bpf.name), (expected, &b"xx"[..]));
        }
    }
}
