//! Users, groups, capabilities, namespaces, keys.

use sensor_common::{CredentialRecord, CredentialSet, NamespaceRecord, RecordKind, ValueRecord};

use crate::{
    arguments::Arguments,
    global::offset,
    object::Object,
    process::compat_flag,
    record::emit,
    syscall::{Syscall, function_exits, syscall_exit},
    task::Task,
};

#[inline(always)]
fn set_of(credentials: Object) -> CredentialSet {
    CredentialSet {
        effective: credentials.member(offset!(cred_effective)),
        permitted: credentials.member(offset!(cred_permitted)),
        uid: credentials.member(offset!(cred_uid)),
        gid: credentials.member(offset!(cred_gid)),
        euid: credentials.member(offset!(cred_euid)),
        egid: credentials.member(offset!(cred_egid)),
        suid: credentials.member(offset!(cred_suid)),
        sgid: credentials.member(offset!(cred_sgid)),
    }
}

/// `int commit_creds(struct cred *new)` (`kernel/cred.c`; 5.10 to 7.2): every
/// way to other credentials ends here, a kernel exploit's too.
#[aya_ebpf::macros::fentry]
pub(crate) fn fentry_commit_creds(context: aya_ebpf::programs::FEntryContext) -> i32 {
    if let (Some(task), Some(new)) = (Task::watched(), context.object(0))
        && let Some(old) = task.credentials()
    {
        changed(task, set_of(new), set_of(old));
    }
    0
}

#[inline(always)]
fn changed(task: Task, after: CredentialSet, before: CredentialSet) {
    let same_ids = after.uid == before.uid
        && after.gid == before.gid
        && after.euid == before.euid
        && after.egid == before.egid
        && after.suid == before.suid
        && after.sgid == before.sgid;
    if same_ids && after.effective == before.effective && after.permitted == before.permitted {
        return;
    }
    emit(
        RecordKind::CredentialsChange,
        task,
        |_, record: &mut CredentialRecord| {
            record.after = after;
            record.before = before;
            record.has_before = 1;
        },
    );
}

/// The `setuid` and `setgid` families and `capset`: what they came to.
#[inline(always)]
fn credentials(task: Task, call: Syscall) {
    if call.result < 0 {
        return;
    }
    let Some(credentials) = task.credentials() else {
        return;
    };
    emit(
        RecordKind::CredentialsChange,
        task,
        |builder, record: &mut CredentialRecord| {
            compat_flag(builder, call);
            record.after = set_of(credentials);
        },
    );
}
syscall_exit!(exit_credentials, exit_credentials_second; credentials);

/// `unshare(flags)`, `setns(fd, flags)`: where the process is now.
#[inline(always)]
fn namespace(task: Task, call: Syscall) {
    /// `CLONE_NEWTIME`, `CLONE_NEWNS`, `CLONE_NEWCGROUP` to `CLONE_NEWNET`
    /// (`include/uapi/linux/sched.h`).
    const NEW_NAMESPACES: u64 = 0x7e02_0080;
    if call.result != 0 {
        return;
    }
    let joined = matches!((call.compat, call.number), (false, 308) | (true, 346));
    let asked = if joined {
        call.argument(1)
    } else {
        call.argument(0)
    } & NEW_NAMESPACES;
    if !joined && asked == 0 {
        return;
    }
    emit(
        RecordKind::CredentialsNamespace,
        task,
        |builder, record: &mut NamespaceRecord| {
            compat_flag(builder, call);
            record.flags = asked;
            record.namespaces = namespaces(task);
            record.joined = u32::from(joined);
            record.result = call.result as i32;
        },
    );
}
syscall_exit!(exit_namespace, exit_namespace_second; namespace);
function_exits!(
    namespace,
    fexit_x64_unshare,
    fexit_x64_setns,
    fexit_ia32_unshare,
    fexit_ia32_setns
);

/// Inode numbers of a task's namespaces, in the order of [`NamespaceRecord`].
#[inline(always)]
fn namespaces(task: Task) -> [u32; 7] {
    let mut numbers = [0; 7];
    if let Some(set) = task.namespaces() {
        let number = |member: usize, inum: usize| {
            set.follow(member)
                .map_or(0, |namespace| namespace.member(inum))
        };
        numbers[0] = number(offset!(nsproxy_mnt), offset!(mnt_namespace_inum));
        numbers[1] = number(
            offset!(nsproxy_pid_for_children),
            offset!(pid_namespace_inum),
        );
        numbers[2] = number(offset!(nsproxy_net), offset!(net_inum));
        numbers[4] = number(offset!(nsproxy_uts), offset!(uts_namespace_inum));
        numbers[5] = number(offset!(nsproxy_ipc), offset!(ipc_namespace_inum));
        numbers[6] = number(offset!(nsproxy_cgroup), offset!(cgroup_namespace_inum));
    }
    if let Some(user) = task
        .credentials()
        .and_then(|credentials| credentials.follow(offset!(cred_user_namespace)))
    {
        numbers[3] = user.member(offset!(user_namespace_inum));
    }
    numbers
}

/// `add_key`, `request_key`, `keyctl`.
#[inline(always)]
fn key(task: Task, call: Syscall) {
    const ADD_KEY: u64 = 1 << 32;
    const REQUEST_KEY: u64 = 2 << 32;
    let values = match (call.compat, call.number) {
        (false, 248) | (true, 286) => [ADD_KEY, 0, 0, 0],
        (false, 249) | (true, 287) => [REQUEST_KEY, 0, 0, 0],
        _ => [
            call.argument(0) & 0xffff_ffff,
            call.argument(1),
            call.argument(2),
            0,
        ],
    };
    emit(
        RecordKind::CredentialsKey,
        task,
        |builder, record: &mut ValueRecord| {
            compat_flag(builder, call);
            record.values = values;
            record.result = call.result as i32;
        },
    );
}
syscall_exit!(exit_key, exit_key_second; key);
function_exits!(
    key,
    fexit_x64_add_key,
    fexit_x64_request_key,
    fexit_x64_keyctl,
    fexit_ia32_add_key,
    fexit_ia32_request_key,
    fexit_ia32_keyctl
);
