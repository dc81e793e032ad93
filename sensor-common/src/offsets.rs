use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Where an offset is to be found in BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetSource {
    /// The structure.
    pub structure: &'static str,
    /// The member's names, the newest kernel's first. A dot leads into
    /// a structure inside.
    pub members: &'static [&'static str],
    /// False when some kernels have no such member: its offset is
    /// [`Offsets::ABSENT`] there.
    pub required: bool,
}

/// Defines [`Offsets`] and the list that fills it from BTF, so that a field
/// cannot exist without its source.
macro_rules! offsets {
    (@required) => { true };
    (@required optional) => { false };
    ($($(#[$doc:meta])* $field:ident: $structure:literal, [$($member:literal),+]
        $(, $optional:ident)?;)+) => {
        /// Byte offsets of kernel structure members on the running kernel.
        ///
        /// The agent reads them from BTF at start and passes them in as a
        /// read-only global: one object serves every kernel.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct Offsets {
            $($(#[$doc])* pub $field: u32,)+
        }

        impl Offsets {
            /// All zero: what the kernel object holds before it is loaded.
            pub const ZERO: Self = Self { $($field: 0,)+ };

            /// What stands for a member that the running kernel does not have.
            pub const ABSENT: u32 = u32::MAX;

            /// For each field where it comes from, in the order of the fields.
            pub const SOURCES: &'static [OffsetSource] = &[$(OffsetSource {
                structure: $structure,
                members: &[$($member),+],
                required: offsets!(@required $($optional)?),
            },)+];

            /// The offsets in the order of [`Offsets::SOURCES`].
            #[must_use]
            pub const fn from_values(values: [u32; Self::SOURCES.len()]) -> Self {
                let mut index = 0;
                $(
                    let $field = values[index];
                    index += 1;
                )+
                assert!(index == Self::SOURCES.len());
                Self { $($field,)+ }
            }

            /// Each offset with its source.
            pub fn as_named(&self) -> impl Iterator<Item = (&'static OffsetSource, u32)> {
                Self::SOURCES.iter().zip([$(self.$field),+])
            }
        }
    };
}

offsets! {
    /// Thread id.
    task_pid: "task_struct", ["pid"];
    /// Process id.
    task_tgid: "task_struct", ["tgid"];
    /// First thread of the process.
    task_group_leader: "task_struct", ["group_leader"];
    /// Parent, not a tracer.
    task_real_parent: "task_struct", ["real_parent"];
    /// Start on the boot clock.
    task_start_time: "task_struct", ["start_boottime", "real_start_time"];
    /// Address space; null for kernel threads.
    task_mm: "task_struct", ["mm"];
    /// Root and working directory.
    task_fs: "task_struct", ["fs"];
    /// Open files.
    task_files: "task_struct", ["files"];
    /// Namespaces.
    task_nsproxy: "task_struct", ["nsproxy"];
    /// Effective credentials.
    task_cred: "task_struct", ["cred"];
    /// State shared by the threads of a process.
    task_signal: "task_struct", ["signal"];
    /// Status of an exiting task.
    task_exit_code: "task_struct", ["exit_code"];
    /// Numbers of the task in its pid namespaces.
    task_thread_pid: "task_struct", ["thread_pid"];
    /// x86 thread flags; `TS_COMPAT` marks a 32-bit system call.
    task_thread_status: "task_struct", ["thread_info.status"];
    /// Kernel stack.
    task_stack: "task_struct", ["stack"];
    /// Name of the thread.
    task_comm: "task_struct", ["comm"];
    /// The thread's use of io_uring; null when it has made none.
    task_io_uring: "task_struct", ["io_uring"], optional;
    /// `PF_*`.
    task_flags: "task_struct", ["flags"];
    /// Set of cgroups.
    task_cgroups: "task_struct", ["cgroups"];
    /// Threads that this one traces.
    task_ptraced: "task_struct", ["ptraced"];
    /// The thread's place in its tracer's list.
    task_ptrace_entry: "task_struct", ["ptrace_entry"];
    /// The thread's places in the lists of its numbers.
    task_pid_links: "task_struct", ["pid_links"];
    /// The v2 cgroup of a set.
    css_set_default: "css_set", ["dfl_cgrp"];
    /// The controllers' states of a set.
    css_set_states: "css_set", ["subsys"];
    /// Cgroup of a controller's state.
    css_cgroup: "cgroup_subsys_state", ["cgroup"];
    /// Directory of a cgroup.
    cgroup_node: "cgroup", ["kn"];
    /// Hierarchy of a cgroup.
    cgroup_root: "cgroup", ["root"];
    /// Number of a hierarchy.
    cgroup_root_hierarchy: "cgroup_root", ["hierarchy_id"];
    /// Id of a directory of kernfs.
    kernfs_id: "kernfs_node", ["id"];
    /// First argument byte.
    mm_arg_start: "mm_struct", ["arg_start"];
    /// End of the arguments.
    mm_arg_end: "mm_struct", ["arg_end"];
    /// The executable.
    mm_exe_file: "mm_struct", ["exe_file"];
    /// Working directory.
    fs_pwd: "fs_struct", ["pwd"];
    /// Root directory.
    fs_root: "fs_struct", ["root"];
    /// Descriptor table.
    files_fdt: "files_struct", ["fdt"];
    /// Number of descriptors the table has room for.
    fdtable_max_fds: "fdtable", ["max_fds"];
    /// Array of files.
    fdtable_fd: "fdtable", ["fd"];
    /// `FMODE_*`.
    file_mode: "file", ["f_mode"];
    /// `O_*`.
    file_flags: "file", ["f_flags"];
    /// Mount and dentry of an open file.
    file_path: "file", ["f_path"];
    /// Inode of an open file.
    file_inode: "file", ["f_inode"];
    /// The socket, for a socket's file.
    file_private_data: "file", ["private_data"];
    /// Mount of a path.
    path_mnt: "path", ["mnt"];
    /// Dentry of a path.
    path_dentry: "path", ["dentry"];
    /// Directory of a dentry; itself at a root.
    dentry_parent: "dentry", ["d_parent"];
    /// Hash of the name; its length follows (`struct qstr`).
    dentry_name_hash: "dentry", ["d_name.hash"];
    /// Length of the name.
    dentry_name_length: "dentry", ["d_name.len"];
    /// The name.
    dentry_name: "dentry", ["d_name.name"];
    /// A short name itself.
    dentry_short_name: "dentry", ["d_shortname", "d_iname"];
    /// Null when the dentry was unhashed (its name removed).
    dentry_hash_pprev: "dentry", ["d_hash.pprev"];
    /// File system of a dentry.
    dentry_super_block: "dentry", ["d_sb"];
    /// Inode of a dentry; null for a name that is not there yet.
    dentry_inode: "dentry", ["d_inode"];
    /// Root dentry of a mount.
    vfsmount_root: "vfsmount", ["mnt_root"];
    /// File system of a mount.
    vfsmount_super_block: "vfsmount", ["mnt_sb"];
    /// The public part inside `struct mount`.
    mount_vfsmount: "mount", ["mnt"];
    /// Mount this one is mounted on; itself at the top.
    mount_parent: "mount", ["mnt_parent"];
    /// Where it is mounted.
    mount_mountpoint: "mount", ["mnt_mountpoint"];
    /// Type and permissions.
    inode_mode: "inode", ["i_mode"];
    /// Owner.
    inode_uid: "inode", ["i_uid"];
    /// Number.
    inode_number: "inode", ["i_ino"];
    /// Device that a device file stands for.
    inode_device_number: "inode", ["i_rdev"];
    /// Number of names.
    inode_links: "inode", ["i_nlink"];
    /// File system.
    inode_super_block: "inode", ["i_sb"];
    /// Seconds of the last status change.
    inode_change_time: "inode", ["i_ctime_sec", "__i_ctime.tv_sec", "i_ctime.tv_sec"];
    /// Device.
    super_block_device: "super_block", ["s_dev"];
    /// File system type's magic number.
    super_block_magic: "super_block", ["s_magic"];
    /// The inode inside proc's own.
    proc_inode_inode: "proc_inode", ["vfs_inode"];
    /// Table of settings that an inode of proc stands for; null for any other.
    proc_inode_sysctl: "proc_inode", ["sysctl"];
    /// Whose directory an inode of proc lies in.
    proc_inode_pid: "proc_inode", ["pid"];
    /// File that runs: the interpreter for a script.
    binprm_file: "linux_binprm", ["file"];
    /// Name the program was asked for under.
    binprm_filename: "linux_binprm", ["filename"];
    /// Name of the binary that runs; another than `filename` for a script.
    binprm_interp: "linux_binprm", ["interp"];
    /// Real user.
    cred_uid: "cred", ["uid"];
    /// Real group.
    cred_gid: "cred", ["gid"];
    /// Effective user.
    cred_euid: "cred", ["euid"];
    /// Effective group.
    cred_egid: "cred", ["egid"];
    /// Saved user.
    cred_suid: "cred", ["suid"];
    /// Saved group.
    cred_sgid: "cred", ["sgid"];
    /// Effective capabilities.
    cred_effective: "cred", ["cap_effective"];
    /// Permitted capabilities.
    cred_permitted: "cred", ["cap_permitted"];
    /// User namespace.
    cred_user_namespace: "cred", ["user_ns"];
    /// Inode number of a user namespace.
    user_namespace_inum: "user_namespace", ["ns.inum"];
    /// Mount namespace.
    nsproxy_mnt: "nsproxy", ["mnt_ns"];
    /// Pid namespace of children to come.
    nsproxy_pid_for_children: "nsproxy", ["pid_ns_for_children"];
    /// Network namespace.
    nsproxy_net: "nsproxy", ["net_ns"];
    /// UTS namespace.
    nsproxy_uts: "nsproxy", ["uts_ns"];
    /// IPC namespace.
    nsproxy_ipc: "nsproxy", ["ipc_ns"];
    /// Cgroup namespace.
    nsproxy_cgroup: "nsproxy", ["cgroup_ns"];
    /// Inode number of a network namespace.
    net_inum: "net", ["ns.inum"];
    /// Inode number of a UTS namespace.
    uts_namespace_inum: "uts_namespace", ["ns.inum"];
    /// Inode number of an IPC namespace.
    ipc_namespace_inum: "ipc_namespace", ["ns.inum"];
    /// Inode number of a cgroup namespace.
    cgroup_namespace_inum: "cgroup_namespace", ["ns.inum"];
    /// Inode number of the mount namespace.
    mnt_namespace_inum: "mnt_namespace", ["ns.inum"];
    /// Depth of the innermost pid namespace.
    pid_level: "pid", ["level"];
    /// Tasks that have the number.
    pid_tasks: "pid", ["tasks"];
    /// Number and namespace at each level.
    pid_numbers: "pid", ["numbers"];
    /// Namespace of a number.
    upid_namespace: "upid", ["ns"];
    /// Inode number of the pid namespace.
    pid_namespace_inum: "pid_namespace", ["ns.inum"];
    /// Threads that have not begun to exit.
    signal_live: "signal_struct", ["live"];
    /// Status when the whole group exits at once.
    signal_group_exit_code: "signal_struct", ["group_exit_code"];
    /// `SIGNAL_GROUP_EXIT` and others.
    signal_flags: "signal_struct", ["flags"];
    /// Origin of a signal.
    siginfo_code: "kernel_siginfo", ["si_code"];
    /// The protocol's socket.
    socket_sk: "socket", ["sk"];
    /// Remote IPv4 address.
    sock_remote_v4: "sock_common", ["skc_daddr"];
    /// Local IPv4 address.
    sock_local_v4: "sock_common", ["skc_rcv_saddr"];
    /// Remote port, network order.
    sock_remote_port: "sock_common", ["skc_dport"];
    /// Local port, host order.
    sock_local_port: "sock_common", ["skc_num"];
    /// Address family.
    sock_family: "sock_common", ["skc_family"];
    /// Remote IPv6 address.
    sock_remote_v6: "sock_common", ["skc_v6_daddr"];
    /// Local IPv6 address.
    sock_local_v6: "sock_common", ["skc_v6_rcv_saddr"];
    /// `SOCK_*`.
    sock_type: "sock", ["sk_type"];
    /// `IPPROTO_*`.
    sock_protocol: "sock", ["sk_protocol"];
    /// Network namespace.
    sock_net: "sock_common", ["skc_net"];
    /// Name of a bound Unix socket.
    unix_address: "unix_sock", ["addr"];
    /// Other end of a connected Unix socket.
    unix_peer: "unix_sock", ["peer"];
    /// Mount and dentry of a Unix socket's file.
    unix_path: "unix_sock", ["path"];
    /// Socket that a packet belongs to.
    skb_sk: "sk_buff", ["sk"];
    /// Buffer of a packet.
    skb_head: "sk_buff", ["head"];
    /// First byte in use.
    skb_data: "sk_buff", ["data"];
    /// Ethernet protocol, network order.
    skb_protocol: "sk_buff", ["protocol"];
    /// Network header's distance from the buffer's start.
    skb_network_header: "sk_buff", ["network_header"];
    /// File of a mapping.
    vma_file: "vm_area_struct", ["vm_file"];
    /// First address of a mapping.
    vma_start: "vm_area_struct", ["vm_start"];
    /// End of a mapping.
    vma_end: "vm_area_struct", ["vm_end"];
    /// `VM_*`.
    vma_flags: "vm_area_struct", ["vm_flags"];
    /// Name of a module.
    module_name: "module", ["name"], optional;
    /// Type of an eBPF program.
    bpf_program_type: "bpf_prog", ["type"];
    /// More of an eBPF program.
    bpf_program_aux: "bpf_prog", ["aux"];
    /// Name of an eBPF program.
    bpf_program_name: "bpf_prog_aux", ["name"];
    /// Type of an eBPF map.
    bpf_map_type: "bpf_map", ["map_type"];
    /// Name of an eBPF map.
    bpf_map_name: "bpf_map", ["name"];
    /// What a performance event counts.
    perf_event_attributes: "perf_event", ["attr"];
    /// Its type.
    perf_attributes_type: "perf_event_attr", ["type"];
    /// Its configuration.
    perf_attributes_config: "perf_event_attr", ["config"];
    /// Operation of an io_uring request.
    io_request_opcode: "io_kiocb", ["opcode"], optional;
    /// File of an io_uring request.
    io_request_file: "io_kiocb", ["file"], optional;
    /// Directory of an open through io_uring.
    io_open_directory: "io_open", ["dfd"], optional;
    /// Name of an open through io_uring.
    io_open_name: "io_open", ["filename"], optional;
    /// How a file is opened through io_uring.
    io_open_how: "io_open", ["how"], optional;
    /// Directory of an unlink through io_uring.
    io_unlink_directory: "io_unlink", ["dfd"], optional;
    /// Flags of an unlink through io_uring.
    io_unlink_flags: "io_unlink", ["flags"], optional;
    /// Name of an unlink through io_uring.
    io_unlink_name: "io_unlink", ["filename"], optional;
    /// Old directory of a rename through io_uring.
    io_rename_old_directory: "io_rename", ["old_dfd"], optional;
    /// New directory of a rename through io_uring.
    io_rename_new_directory: "io_rename", ["new_dfd"], optional;
    /// Old name of a rename through io_uring.
    io_rename_old_name: "io_rename", ["oldpath"], optional;
    /// New name of a rename through io_uring.
    io_rename_new_name: "io_rename", ["newpath"], optional;
    /// Flags of a rename through io_uring.
    io_rename_flags: "io_rename", ["flags"], optional;
    /// Address of a connect through io_uring.
    io_connect_address: "io_connect", ["addr"], optional;
    /// The kernel's copy of a path argument.
    filename_name: "filename", ["name"];
    /// Bytes of a Unix name, family included.
    unix_address_length: "unix_address", ["len"];
    /// `sockaddr_un` of a Unix name.
    unix_address_name: "unix_address", ["name"];
}
