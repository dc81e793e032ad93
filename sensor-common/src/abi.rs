//! What a record looks like on the wire, as data: recordings carry it, so that a
//! reader whose records look otherwise refuses them.

use core::mem::offset_of;

use crate::{
    CgroupRecord, CredentialRecord, CredentialSet, ExecRecord, ExitRecord, FileRecord, ForkRecord,
    NamespaceRecord, NetworkRecord, RecordHeader, TargetRecord, ValueRecord,
};

/// Layout of one structure of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructureLayout {
    /// Name of the type.
    pub name: &'static str,
    /// Bytes.
    pub size: usize,
    /// Each member's name and offset in bytes, in the order of declaration. There
    /// is no padding: a member ends where the next one begins.
    pub members: &'static [(&'static str, usize)],
}

/// The layout of a structure. Does not compile when a member is not named.
macro_rules! layout {
    ($structure:ident { $($member:ident),+ $(,)? }) => {{
        const fn _whole($structure { $($member: _),+ }: $structure) {}
        StructureLayout {
            name: stringify!($structure),
            size: size_of::<$structure>(),
            members: &[$((stringify!($member), offset_of!($structure, $member))),+],
        }
    }};
}

/// Every structure that a record is made of.
pub const STRUCTURES: [StructureLayout; 12] = [
    layout!(RecordHeader {
        length,
        kind,
        flags,
        time,
        start_time,
        tgid,
        tid,
        cgroup_id,
        capabilities,
        euid,
        mount_namespace,
    }),
    layout!(ForkRecord {
        parent_start_time,
        parent_tgid,
        creator_tgid,
        clone_flags,
    }),
    layout!(ExecRecord {
        parent_start_time,
        exe_inode,
        exe_change_time,
        exe_device,
        exe_flags,
        parent_tgid,
        uid,
        gid,
        egid,
        pid_namespace,
        network_namespace,
        user_namespace,
        args_total,
        exe_owner,
        exe_length,
        cwd_length,
        filename_length,
        args_length,
        exe_mode,
        stdio,
        reserved,
    }),
    layout!(ExitRecord {
        parent_tgid,
        status,
    }),
    layout!(FileRecord {
        inode,
        device,
        mode,
        flags,
        created,
        uid,
        gid,
        result,
        base_length,
        path_length,
        second_base_length,
        second_path_length,
        text_length,
        watched,
    }),
    layout!(NetworkRecord {
        local_address,
        remote_address,
        local_port,
        remote_port,
        family,
        socket_type,
        protocol,
        path_length,
        result,
        descriptor,
        reserved,
    }),
    layout!(CgroupRecord {
        id,
        hierarchy,
        path_length,
        reserved,
    }),
    layout!(TargetRecord {
        start_time,
        tgid,
        code,
        value,
        result,
        reserved,
    }),
    layout!(CredentialSet {
        effective,
        permitted,
        uid,
        gid,
        euid,
        egid,
        suid,
        sgid,
    }),
    layout!(CredentialRecord {
        after,
        before,
        has_before,
        reserved,
    }),
    layout!(NamespaceRecord {
        flags,
        namespaces,
        joined,
        result,
        reserved,
    }),
    layout!(ValueRecord {
        values,
        result,
        name_length,
        reserved,
    }),
];
