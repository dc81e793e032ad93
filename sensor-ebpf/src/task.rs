//! Who acts, with which rights, and where.

use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_get_current_task_btf,
};

use sensor_common::{Offsets, RecordHeader};

use crate::{
    exclude,
    global::{self, offset},
    object::Object,
    read::{Address, probe},
    repeat::Scene,
};

/// Somebody who acts: what a record's header tells of them.
pub(crate) trait Sign {
    /// Fills in identity, rights and surroundings.
    fn sign(self, header: &mut RecordHeader);

    /// The process and its start.
    fn identity(&self) -> (u32, u64);

    /// Whether the policy excludes what they do.
    fn is_excluded(&self) -> bool;

    /// What the act is on.
    #[inline(always)]
    fn scene(&self) -> Scene {
        Scene::NONE
    }

    /// Whether the act is one that neither the policy nor pressure may hide.
    #[inline(always)]
    fn is_kept(&self) -> bool {
        false
    }
}

/// Somebody who acts on something.
#[derive(Clone, Copy)]
pub(crate) struct Acting<S> {
    who: S,
    scene: Scene,
    /// Recorded of everybody.
    always: bool,
}

impl<S> Acting<S> {
    /// The same, recorded whatever the policy excludes, if `always` is so.
    #[inline(always)]
    pub(crate) fn always_if(self, always: bool) -> Self {
        Self { always, ..self }
    }
}

impl<S: Sign> Sign for Acting<S> {
    #[inline(always)]
    fn sign(self, header: &mut RecordHeader) {
        self.who.sign(header);
    }

    #[inline(always)]
    fn identity(&self) -> (u32, u64) {
        self.who.identity()
    }

    #[inline(always)]
    fn is_excluded(&self) -> bool {
        !self.always && self.who.is_excluded()
    }

    #[inline(always)]
    fn scene(&self) -> Scene {
        self.scene
    }

    #[inline(always)]
    fn is_kept(&self) -> bool {
        self.always
    }
}

/// Somebody who was remembered, as a header.
impl Sign for &RecordHeader {
    #[inline(always)]
    fn sign(self, header: &mut RecordHeader) {
        header.start_time = self.start_time;
        header.tgid = self.tgid;
        header.tid = self.tid;
        header.cgroup_id = self.cgroup_id;
        header.capabilities = self.capabilities;
        header.euid = self.euid;
        header.mount_namespace = self.mount_namespace;
    }

    #[inline(always)]
    fn identity(&self) -> (u32, u64) {
        (self.tgid, self.start_time)
    }

    /// What they run now is not known.
    #[inline(always)]
    fn is_excluded(&self) -> bool {
        exclude::is_cgroup(self.cgroup_id)
    }
}

/// Process id of the caller, in the initial pid namespace.
#[inline(always)]
pub(crate) fn current_tgid() -> u32 {
    // SAFETY: the helper has no preconditions.
    unsafe { (bpf_get_current_pid_tgid() >> 32) as u32 }
}

/// A thread.
#[derive(Clone, Copy)]
pub(crate) struct Task(Object);

impl Task {
    /// The caller.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        // SAFETY: neither helper has preconditions; the first exists where the
        // agent says so, and the verifier drops the branch that is not taken.
        unsafe {
            if global::has_task_btf() {
                Self::typed(bpf_get_current_task_btf() as Address)
            } else {
                Self(Object::untyped(bpf_get_current_task() as Address))
            }
        }
    }

    /// The caller, unless it is the agent itself.
    #[inline(always)]
    pub(crate) fn watched() -> Option<Self> {
        (current_tgid() != global::agent_tgid()).then(Self::current)
    }

    /// A task that the verifier knows as one: a hook's argument.
    #[inline(always)]
    pub(crate) const fn typed(address: Address) -> Self {
        Self(Object::typed(address))
    }

    /// A task found by address.
    #[inline(always)]
    pub(crate) const fn untyped(address: Address) -> Self {
        Self(Object::untyped(address))
    }

    /// The task, acting on something.
    #[inline(always)]
    pub(crate) const fn on(self, scene: Scene) -> Acting<Self> {
        Acting {
            who: self,
            scene,
            always: false,
        }
    }

    #[inline(always)]
    pub(crate) const fn object(self) -> Object {
        self.0
    }

    /// First thread of the process.
    #[inline(always)]
    pub(crate) fn leader(self) -> Self {
        Self(self.0.follow(offset!(task_group_leader)).unwrap_or(self.0))
    }

    /// Parent process's task, not a tracer.
    #[inline(always)]
    pub(crate) fn parent(self) -> Self {
        Self(self.0.follow(offset!(task_real_parent)).unwrap_or(self.0))
    }

    #[inline(always)]
    pub(crate) fn tgid(self) -> u32 {
        self.0.member(offset!(task_tgid))
    }

    #[inline(always)]
    pub(crate) fn tid(self) -> u32 {
        self.0.member(offset!(task_pid))
    }

    /// Start of the process on the boot clock, in nanoseconds.
    #[inline(always)]
    pub(crate) fn start_time(self) -> u64 {
        self.leader().0.member(offset!(task_start_time))
    }

    /// Effective credentials.
    #[inline(always)]
    pub(crate) fn credentials(self) -> Option<Object> {
        self.0.follow(offset!(task_cred))
    }

    /// Namespaces; `None` for a task that has begun to exit.
    #[inline(always)]
    pub(crate) fn namespaces(self) -> Option<Object> {
        self.0.follow(offset!(task_nsproxy))
    }

    /// Root and working directory.
    #[inline(always)]
    pub(crate) fn directories(self) -> Option<Object> {
        self.0.follow(offset!(task_fs))
    }

    /// Id of the cgroup, in the hierarchy that the agent chose.
    #[inline(always)]
    pub(crate) fn cgroup_id(self) -> u64 {
        let Some(set) = self.0.follow(offset!(task_cgroups)) else {
            return 0;
        };
        let controller = global::cgroup_controller();
        let cgroup = if controller == global::CGROUP_V2 {
            set.follow(offset!(css_set_default))
        } else {
            let slot = offset!(css_set_states) + controller as usize * size_of::<usize>();
            probe::<Address>(set.address(), slot)
                .and_then(|state| probe::<Address>(state, offset!(css_cgroup)))
                .map(Object::untyped)
        };
        cgroup
            .and_then(|cgroup| cgroup.follow(offset!(cgroup_node)))
            .map_or(0, |node| node.member(offset!(kernfs_id)))
    }

    /// True for a 32-bit system call (`TS_COMPAT`, `arch/x86/include/asm/thread_info.h`).
    #[inline(always)]
    pub(crate) fn in_compat_syscall(self) -> bool {
        const TS_COMPAT: u32 = 2;
        self.0.member::<u32>(offset!(task_thread_status)) & TS_COMPAT != 0
    }

    /// Whether what the thread does now was asked for through io_uring: by one of
    /// its workers, or in the system call that submits requests.
    #[inline(always)]
    pub(crate) fn works_for_io_uring(self) -> bool {
        /// `include/linux/sched.h`
        const PF_IO_WORKER: u32 = 0x10;
        /// `io_uring_enter`, the same in both tables.
        const IO_URING_ENTER: u64 = 426;
        let member = offset!(task_io_uring);
        if member == Offsets::ABSENT as usize || self.0.pointer(member).is_null() {
            return false;
        }
        if self.0.member::<u32>(offset!(task_flags)) & PF_IO_WORKER != 0 {
            return true;
        }
        let top = self.0.pointer(offset!(task_stack)).wrapping_add(STACK);
        let number = |padding: usize| probe::<u64>(top, ORIG_AX.wrapping_sub(padding));
        number(0) == Some(IO_URING_ENTER) || number(FRED_PADDING) == Some(IO_URING_ENTER)
    }

    /// The registers of the system call that the thread is in: at the top of its
    /// stack, as `task_pt_regs` has it (`arch/x86/include/asm/processor.h`).
    #[inline(always)]
    pub(crate) fn registers(self) -> Object {
        let stack = self.0.pointer(offset!(task_stack));
        Object::untyped(stack.wrapping_add(STACK - REGISTERS))
    }

    /// Depth of the pid namespace that the task's number was given in.
    #[inline(always)]
    pub(crate) fn pid_level(self) -> u32 {
        probe(self.0.pointer(offset!(task_thread_pid)), offset!(pid_level)).unwrap_or_default()
    }

    /// The task's number in the pid namespace of this depth.
    #[inline(always)]
    pub(crate) fn number_at(self, level: u32) -> u32 {
        let pid = self.0.pointer(offset!(task_thread_pid));
        probe(pid, offset!(pid_numbers) + level as usize * UPID).unwrap_or_default()
    }

    /// The pid namespace that the task's number was given in.
    #[inline(always)]
    pub(crate) fn pid_namespace(self) -> u32 {
        let pid = self.0.pointer(offset!(task_thread_pid));
        let number = offset!(pid_numbers) + self.pid_level() as usize * UPID;
        probe::<Address>(pid, number + offset!(upid_namespace))
            .and_then(|namespace| probe(namespace, offset!(pid_namespace_inum)))
            .unwrap_or_default()
    }

    /// The open file behind a descriptor.
    #[inline(always)]
    pub(crate) fn file(self, descriptor: u32) -> Option<Object> {
        let files = self.0.follow(offset!(task_files))?;
        let table = files.follow(offset!(files_fdt))?;
        let room: u32 = table.member(offset!(fdtable_max_fds));
        if descriptor >= room {
            return None;
        }
        let array = table.pointer(offset!(fdtable_fd));
        let file: Address = probe(array, descriptor as usize * size_of::<usize>())?;
        (!file.is_null()).then_some(Object::untyped(file))
    }
}

impl Sign for Task {
    #[inline(always)]
    fn sign(self, header: &mut RecordHeader) {
        header.start_time = self.start_time();
        header.tgid = self.tgid();
        header.tid = self.tid();
        header.cgroup_id = self.cgroup_id();
        if let Some(credentials) = self.credentials() {
            header.capabilities = credentials.member(offset!(cred_effective));
            header.euid = credentials.member(offset!(cred_euid));
        }
        if let Some(mount) = self
            .namespaces()
            .and_then(|namespaces| namespaces.follow(offset!(nsproxy_mnt)))
        {
            header.mount_namespace = mount.member(offset!(mnt_namespace_inum));
        }
    }

    #[inline(always)]
    fn identity(&self) -> (u32, u64) {
        (self.tgid(), self.start_time())
    }

    /// Who performs acts that can be excluded is the caller of the hook.
    #[inline(always)]
    fn is_excluded(&self) -> bool {
        exclude::caller_is_excluded() != 0
    }
}

/// `THREAD_SIZE` without KASAN.
const STACK: usize = 16_384;
/// `sizeof(struct pt_regs)` on x86-64.
const REGISTERS: usize = 168;
/// `pt_regs.orig_ax`, from the end of the stack.
const ORIG_AX: usize = (15_usize * 8).wrapping_sub(REGISTERS);
/// What lies above the registers on kernels built with FRED (6.9 and later).
const FRED_PADDING: usize = 16;

/// `struct upid` is a number and a pointer (`include/linux/pid.h`).
const UPID: usize = 16;
