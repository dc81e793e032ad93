use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Defines [`Offsets`] and the list that fills it from BTF, so that a field
/// cannot exist without its source.
macro_rules! offsets {
    ($($(#[$doc:meta])* $field:ident: $structure:literal, [$($member:literal),+];)+) => {
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

            /// For each field its structure and the member's names, the newest
            /// kernel's first.
            pub const SOURCES: &'static [(&'static str, &'static [&'static str])] =
                &[$(($structure, &[$($member),+]),)+];

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
    /// First argument byte.
    mm_arg_start: "mm_struct", ["arg_start"];
    /// End of the arguments.
    mm_arg_end: "mm_struct", ["arg_end"];
    /// The executable.
    mm_exe_file: "mm_struct", ["exe_file"];
    /// Working directory.
    fs_pwd: "fs_struct", ["pwd"];
    /// Descriptor table.
    files_fdt: "files_struct", ["fdt"];
    /// Number of descriptors the table has room for.
    fdtable_max_fds: "fdtable", ["max_fds"];
    /// Array of files.
    fdtable_fd: "fdtable", ["fd"];
    /// `FMODE_*`.
    file_mode: "file", ["f_mode"];
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
    /// Length of the name.
    dentry_name_length: "dentry", ["d_name.len"];
    /// The name.
    dentry_name: "dentry", ["d_name.name"];
    /// Null when the dentry was unhashed (its name removed).
    dentry_hash_pprev: "dentry", ["d_hash.pprev"];
    /// Root dentry of a mount.
    vfsmount_root: "vfsmount", ["mnt_root"];
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
    /// Mount namespace.
    nsproxy_mnt: "nsproxy", ["mnt_ns"];
    /// Inode number of the mount namespace.
    mnt_namespace_inum: "mnt_namespace", ["ns.inum"];
    /// Depth of the innermost pid namespace.
    pid_level: "pid", ["level"];
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
    /// Name of a bound Unix socket.
    unix_address: "unix_sock", ["addr"];
    /// Other end of a connected Unix socket.
    unix_peer: "unix_sock", ["peer"];
    /// Bytes of a Unix name, family included.
    unix_address_length: "unix_address", ["len"];
    /// `sockaddr_un` of a Unix name.
    unix_address_name: "unix_address", ["name"];
}
