use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Longest path that the self-test compares.
pub const SELF_TEST_PATH_MAX: usize = 512;

/// What the agent asks the kernel programs to look at.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SelfTestRequest {
    /// A descriptor of the agent's: a regular file.
    pub file: u32,
    /// Another: an IPv4 socket with a local port.
    pub socket: u32,
}

/// What the kernel programs read about the agent itself, with the offsets that
/// they use for everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SelfTestAnswer {
    /// 1 once the rest is filled in.
    pub done: u64,
    /// `task_struct.start_boottime` of the leader.
    pub start_time: u64,
    /// Effective capabilities.
    pub capabilities: u64,
    /// Id of the cgroup.
    pub cgroup_id: u64,
    /// Inode of the file.
    pub inode: u64,
    /// Process.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// Parent.
    pub parent_tgid: u32,
    /// Effective user.
    pub euid: u32,
    /// Inode number of the mount namespace.
    pub mount_namespace: u32,
    /// Inode number of the pid namespace.
    pub pid_namespace: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Inode number of the user namespace.
    pub user_namespace: u32,
    /// Device of the file, `major << 20 | minor`.
    pub device: u32,
    /// `i_mode` of the file.
    pub mode: u32,
    /// `AF_*` of the socket.
    pub family: u16,
    /// Local port of the socket, host byte order.
    pub local_port: u16,
    /// Bytes of the file's path.
    pub path_length: u32,
    /// The file's path.
    pub path: [u8; SELF_TEST_PATH_MAX],
}

impl SelfTestAnswer {
    /// Nothing read yet.
    pub const EMPTY: Self = Self {
        done: 0,
        start_time: 0,
        capabilities: 0,
        cgroup_id: 0,
        inode: 0,
        tgid: 0,
        tid: 0,
        parent_tgid: 0,
        euid: 0,
        mount_namespace: 0,
        pid_namespace: 0,
        network_namespace: 0,
        user_namespace: 0,
        device: 0,
        mode: 0,
        family: 0,
        local_port: 0,
        path_length: 0,
        path: [0; SELF_TEST_PATH_MAX],
    };
}
