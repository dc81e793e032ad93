//! What the offsets lead to, read about the agent itself, so that it can compare.
//!
//! The agent attaches this program at start, calls `getpid`, reads the answer,
//! and detaches it again.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel,
    macros::{btf_tracepoint, map},
    maps::Array,
    programs::BtfTracePointContext,
};
use sensor_common::{
    NetworkRecord, RecordHeader, SELF_TEST_PATH_MAX, SelfTestAnswer, SelfTestRequest,
    limits::PATH_MAX,
};

use crate::{
    arguments::Arguments,
    global::{self, offset},
    path::{self, Place},
    read::masked,
    scratch::with_scratch,
    socket,
    syscall::Syscall,
    task::{Sign, Task, current_tgid},
};

#[map]
static SELF_TEST_REQUEST: Array<SelfTestRequest> = Array::with_max_entries(1, 0);

#[map]
static SELF_TEST_ANSWER: Array<SelfTestAnswer> = Array::with_max_entries(1, 0);

/// The hook of [`crate::syscall::sys_exit`].
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn self_test(context: BtfTracePointContext) -> i32 {
    /// `getpid` of the 64-bit table.
    const GETPID: u32 = 39;
    if current_tgid() != global::agent_tgid() {
        return 0;
    }
    let task = Task::current();
    if Syscall::new(&context, task).number != GETPID {
        return 0;
    }
    let (Some(request), Some(answer)) = (SELF_TEST_REQUEST.get(0), SELF_TEST_ANSWER.get_ptr_mut(0))
    else {
        return 0;
    };
    // SAFETY: the map holds the value; the agent reads it after its call.
    let answer = unsafe { &mut *answer };
    who(task, answer);
    file(task, request.file, answer);
    if let Some(sk) = socket::of_descriptor(task, request.socket) {
        let mut record = NetworkRecord::default();
        socket::describe(&mut record, sk);
        answer.family = record.family;
        answer.local_port = record.local_port;
    }
    answer.done = 1;
    let _ = context.number(1);
    0
}

#[inline(always)]
fn who(task: Task, answer: &mut SelfTestAnswer) {
    let mut header = RecordHeader::default();
    task.sign(&mut header);
    answer.start_time = header.start_time;
    answer.capabilities = header.capabilities;
    answer.cgroup_id = header.cgroup_id;
    answer.tgid = header.tgid;
    answer.tid = header.tid;
    answer.euid = header.euid;
    answer.mount_namespace = header.mount_namespace;
    answer.parent_tgid = task.parent().tgid();
    answer.pid_namespace = task.pid_namespace();
    if let Some(namespaces) = task.namespaces()
        && let Some(network) = namespaces.follow(offset!(nsproxy_net))
    {
        answer.network_namespace = network.member(offset!(net_inum));
    }
    if let Some(credentials) = task.credentials()
        && let Some(user) = credentials.follow(offset!(cred_user_namespace))
    {
        answer.user_namespace = user.member(offset!(user_namespace_inum));
    }
}

#[inline(always)]
fn file(task: Task, descriptor: u32, answer: &mut SelfTestAnswer) {
    let Some(file) = task.file(descriptor) else {
        return;
    };
    if let Some(inode) = file.follow(offset!(file_inode)) {
        answer.inode = inode.member(offset!(inode_number));
        answer.mode = u32::from(inode.member::<u16>(offset!(inode_mode)));
        if let Some(super_block) = inode.follow(offset!(inode_super_block)) {
            answer.device = super_block.member(offset!(super_block_device));
        }
    }
    with_scratch(|claimed| {
        let walked = path::walk(claimed, Place::of_file(file));
        let start = masked::<0xfff>(walked.start);
        let length = PATH_MAX - start;
        if walked.truncated || length > SELF_TEST_PATH_MAX {
            return;
        }
        let length = masked::<0x3ff>(length);
        if length > SELF_TEST_PATH_MAX {
            return;
        }
        let source = claimed.scratch.path.as_ptr();
        // SAFETY: `length` is within the answer's path, and ends at PATH_MAX in
        // the source.
        let result = unsafe {
            bpf_probe_read_kernel(
                answer.path.as_mut_ptr().cast(),
                length as u32,
                source.add(start).cast(),
            )
        };
        if result == 0 {
            answer.path_length = length as u32;
        }
    });
}
