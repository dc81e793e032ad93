use std::borrow::Cow;

use super::{some_text, text};
use crate::{
    event::{Audit, Bpf, IoUring, IoUringWork, Kexec, Module, Perf},
    outputs::{
        names,
        record::{Hexadecimal, KernelPart},
    },
};

pub(super) fn module_part(module: &Module<'_>) -> KernelPart {
    KernelPart {
        name: Some(text(module.name)),
        ..KernelPart::default()
    }
}

pub(super) fn bpf_part(bpf: &Bpf<'_>) -> KernelPart {
    KernelPart {
        command: Some(names::bpf_command(bpf.command)),
        object_type: bpf.object_type,
        name: some_text(bpf.name),
        result: bpf.result,
        ..KernelPart::default()
    }
}

pub(super) fn perf_part(perf: &Perf) -> KernelPart {
    KernelPart {
        object_type: perf.event_type,
        config: Some(Hexadecimal(perf.config)),
        pid: perf.pid.map(i64::from),
        cpu: perf.cpu.map(i64::from),
        result: perf.result,
        ..KernelPart::default()
    }
}

pub(super) fn kexec_part(kexec: &Kexec) -> KernelPart {
    KernelPart {
        flags: Some(kexec.flags),
        command: Some(Cow::Borrowed(if kexec.from_file {
            "kexec_file_load"
        } else {
            "kexec_load"
        })),
        result: kexec.result,
        ..KernelPart::default()
    }
}

pub(super) fn io_uring_part(ring: &IoUring) -> KernelPart {
    KernelPart {
        entries: Some(ring.entries),
        completions: Some(ring.completions),
        flags: Some(ring.flags),
        result: ring.result,
        ..KernelPart::default()
    }
}

pub(super) fn io_uring_work_part(work: IoUringWork) -> KernelPart {
    KernelPart {
        command: Some(names::io_uring_operation(work.operation)),
        ..KernelPart::default()
    }
}

pub(super) fn audit_part(audit: &Audit) -> KernelPart {
    let sets = audit.message == Audit::AUDIT_SET;
    let switches = sets && audit.mask & Audit::STATUS_ENABLED != 0;
    KernelPart {
        command: Some(names::audit_message(audit.message)),
        mask: sets.then_some(audit.mask),
        enabled: switches.then_some(audit.enabled),
        ..KernelPart::default()
    }
}
