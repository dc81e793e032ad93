use super::text;
use crate::{
    event::{ProcessId, Ptrace, RemoteWrite, Signal, Target},
    outputs::{
        names,
        record::{Hexadecimal, TargetPart},
    },
    state::{Process, ProcessTable},
};

pub(super) fn signal_part(signal: &Signal, actor: ProcessId, table: &ProcessTable) -> TargetPart {
    TargetPart {
        signal: Some(signal.number),
        ..part(&signal.target, actor, table)
    }
}

pub(super) fn ptrace_part(ptrace: &Ptrace, actor: ProcessId, table: &ProcessTable) -> TargetPart {
    TargetPart {
        request: Some(names::ptrace_request(ptrace.request)),
        address: Some(Hexadecimal(ptrace.address)),
        ..part(&ptrace.target, actor, table)
    }
}

pub(super) fn write_part(
    write: &RemoteWrite,
    actor: ProcessId,
    table: &ProcessTable,
) -> TargetPart {
    TargetPart {
        bytes: Some(write.bytes),
        ..part(&write.target, actor, table)
    }
}

fn part(target: &Target, actor: ProcessId, table: &ProcessTable) -> TargetPart {
    let number = target.process.tgid.0;
    TargetPart {
        pid: if target.from_argument {
            number.cast_signed().into()
        } else {
            number.into()
        },
        start_boottime_ns: target.is_exact().then_some(target.process.start.0),
        exe: known(target, actor, table)
            .and_then(|process| process.image.as_deref())
            .map(|image| text(&image.exe)),
        from_argument: target.from_argument,
        signal: None,
        request: None,
        address: None,
        bytes: None,
        result: target.result,
    }
}

/// The process that is meant, as far as that is certain.
fn known<'a>(target: &Target, actor: ProcessId, table: &'a ProcessTable) -> Option<&'a Process> {
    /// `PROC_PID_INIT_INO` (`include/linux/proc_ns.h`)
    const INITIAL_PID_NAMESPACE: u32 = 0xefff_fffc;
    if target.is_exact() {
        return table.get(target.process);
    }
    let same_numbers = || {
        let image = table.get(actor)?.image.as_deref()?;
        (image.facts.pid_namespace == INITIAL_PID_NAMESPACE).then_some(())
    };
    if target.from_argument {
        same_numbers()?;
    }
    table.newest(target.process.tgid)
}
