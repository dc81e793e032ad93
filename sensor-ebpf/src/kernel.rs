//! Acts on the kernel itself: modules, eBPF, performance events, another
//! kernel, audit.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use sensor_common::{RecordKind, ValueRecord, flags};

use crate::{
    arguments::{Arguments, security_hook},
    global::offset,
    process::compat_flag,
    read::{Address, probe},
    record::emit,
    socket,
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

/// Stands for a type that is not known.
const NO_TYPE: u64 = u64::MAX;

/// `TP_PROTO(struct module *mod)` (`include/trace/events/module.h`; 5.10 to 7.2,
/// where modules can be loaded). Runs in the process that loads it, once its
/// signature was checked.
#[btf_tracepoint(function = "module_load")]
pub(crate) fn module_load(context: BtfTracePointContext) -> i32 {
    if let (Some(task), Some(module)) = (Task::watched(), context.object(0)) {
        emit(
            RecordKind::KernelModule,
            task,
            |builder, record: &mut ValueRecord| {
                record.name_length = builder.kernel_string(module.inside(offset!(module_name)));
            },
        );
    }
    0
}

/// `bpf(command, attributes, size)`: what makes, attaches or keeps programs and
/// maps. The kernel's own object tells type and name.
#[inline(always)]
fn bpf(task: Task, call: Syscall) {
    /// `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
    const MAP_CREATE: u64 = 0;
    const PROG_LOAD: u64 = 5;
    const OBJ_PIN: u64 = 6;
    const OBJ_GET: u64 = 7;
    const PROG_ATTACH: u64 = 8;
    const PROG_DETACH: u64 = 9;
    const RAW_TRACEPOINT_OPEN: u64 = 17;
    const LINK_CREATE: u64 = 28;
    const LINK_UPDATE: u64 = 29;
    const LINK_DETACH: u64 = 34;
    const TOKEN_CREATE: u64 = 36;
    let command = call.argument(0) & 0xffff_ffff;
    let recorded = matches!(
        command,
        MAP_CREATE
            | PROG_LOAD
            | OBJ_PIN
            | OBJ_GET
            | PROG_ATTACH
            | PROG_DETACH
            | RAW_TRACEPOINT_OPEN
            | LINK_CREATE
            | LINK_UPDATE
            | LINK_DETACH
            | TOKEN_CREATE
    );
    if !recorded {
        return;
    }
    let made = matches!(command, MAP_CREATE | PROG_LOAD) && call.result >= 0;
    let object: Address = if made {
        task.file(call.result as u32)
            .and_then(|file| probe(file.address(), offset!(file_private_data)))
            .unwrap_or(core::ptr::null())
    } else {
        core::ptr::null()
    };
    let mut number = NO_TYPE;
    let mut name = core::ptr::null();
    if !object.is_null() {
        let (place, name_offset, named) = if command == PROG_LOAD {
            let more: Address = probe(object, offset!(bpf_program_aux)).unwrap_or(object);
            (offset!(bpf_program_type), offset!(bpf_program_name), more)
        } else {
            (offset!(bpf_map_type), offset!(bpf_map_name), object)
        };
        number = u64::from(probe::<u32>(object, place).unwrap_or_default());
        name = named.wrapping_add(name_offset);
    }
    emit(
        RecordKind::KernelBpf,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            record.values = [command, number, 0, 0];
            record.result = call.result as i32;
            record.name_length = builder.kernel_string(name);
        },
    );
}
syscall_exit!(exit_bpf, exit_bpf_second; bpf);
function_exits!(bpf, fexit_x64_bpf, fexit_ia32_bpf);

/// `perf_event_open(attributes, pid, cpu, group_fd, flags)`.
#[inline(always)]
fn perf(task: Task, call: Syscall) {
    let event: Option<Address> = if call.result >= 0 {
        task.file(call.result as u32)
            .and_then(|file| probe(file.address(), offset!(file_private_data)))
    } else {
        None
    };
    let attributes = event.map(|event| event.wrapping_add(offset!(perf_event_attributes)));
    let number = attributes
        .and_then(|attributes| probe::<u32>(attributes, offset!(perf_attributes_type)))
        .map_or(NO_TYPE, u64::from);
    let config = attributes
        .and_then(|attributes| probe::<u64>(attributes, offset!(perf_attributes_config)))
        .unwrap_or_default();
    emit(
        RecordKind::KernelPerf,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            record.values = [number, config, call.argument(1), call.argument(2)];
            record.result = call.result as i32;
        },
    );
}
syscall_exit!(exit_perf, exit_perf_second; perf);
function_exits!(perf, fexit_x64_perf_event_open, fexit_ia32_perf_event_open);

/// `int security_perf_event_open(struct perf_event_attr *attr, int type)` (5.10
/// to 6.11; later without the attributes). Used on 5.10 alone, whose BTF does
/// not have the system call's function.
#[inline(always)]
fn perf_event_open(context: &impl Arguments) {
    /// `PERF_SECURITY_OPEN` (`include/linux/perf_event.h`): the other checks of
    /// the same call are of what the event asks for.
    const OPEN: u32 = 0;
    if context.number(1) as u32 != OPEN {
        return;
    }
    let Some(task) = Task::watched() else { return };
    let attributes = context.address(0);
    let number = probe::<u32>(attributes, offset!(perf_attributes_type)).map_or(NO_TYPE, u64::from);
    let config = probe::<u64>(attributes, offset!(perf_attributes_config)).unwrap_or_default();
    emit(
        RecordKind::KernelPerf,
        task,
        |builder, record: &mut ValueRecord| {
            builder.mark(flags::ATTEMPT);
            record.values = [number, config, 0, 0];
        },
    );
}
security_hook!(lsm_perf_event_open, fentry_perf_event_open, perf_event_open);

/// `kexec_load(entry, segments, list, flags)`, `kexec_file_load(kernel, initrd,
/// length, command line, flags)`.
#[inline(always)]
fn kexec(task: Task, call: Syscall) {
    let by_file = matches!((call.compat, call.number), (false, 320));
    let call_flags = if by_file {
        call.argument(4)
    } else {
        call.argument(3)
    };
    emit(
        RecordKind::KernelKexec,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            record.values = [call_flags, u64::from(by_file), 0, 0];
            record.result = call.result as i32;
        },
    );
}
syscall_exit!(exit_kexec, exit_kexec_second; kexec);
function_exits!(
    kexec,
    fexit_x64_kexec_load,
    fexit_x64_kexec_file_load,
    fexit_ia32_kexec_load
);

/// `int security_netlink_send(struct sock *sk, struct sk_buff *skb)` (5.10 to
/// 7.2): messages that change what audit does.
#[inline(always)]
fn netlink_send(context: &impl Arguments) {
    /// `AF_NETLINK`, `NETLINK_AUDIT` (`include/uapi/linux/netlink.h`).
    const NETLINK: u16 = 16;
    const NETLINK_AUDIT: u16 = 9;
    /// `include/uapi/linux/audit.h`
    const AUDIT_SET: u16 = 1001;
    const AUDIT_ADD_RULE: u16 = 1011;
    const AUDIT_DEL_RULE: u16 = 1012;
    const AUDIT_TRIM: u16 = 1014;
    const AUDIT_SET_FEATURE: u16 = 1018;
    /// Bytes of `struct nlmsghdr`; the type is its second member.
    const HEADER: usize = 16;
    const TYPE: usize = 4;

    let (Some(sk), Some(packet)) = (context.object(0), context.object(1)) else {
        return;
    };
    if socket::family(sk) != NETLINK || sk.member::<u16>(offset!(sock_protocol)) != NETLINK_AUDIT {
        return;
    }
    let message: Address = packet.pointer(offset!(skb_data));
    let number: u16 = probe(message, TYPE).unwrap_or_default();
    if !matches!(
        number,
        AUDIT_SET | AUDIT_ADD_RULE | AUDIT_DEL_RULE | AUDIT_TRIM | AUDIT_SET_FEATURE
    ) {
        return;
    }
    let Some(task) = Task::watched() else { return };
    // `struct audit_status`: mask, then enabled.
    let mask: u32 = probe(message, HEADER).unwrap_or_default();
    let enabled: u32 = probe(message, HEADER + 4).unwrap_or_default();
    emit(
        RecordKind::KernelAudit,
        task,
        |builder, record: &mut ValueRecord| {
            builder.mark(flags::ATTEMPT);
            record.values = [u64::from(number), u64::from(mask), u64::from(enabled), 0];
        },
    );
}
security_hook!(lsm_netlink_send, fentry_netlink_send, netlink_send);
