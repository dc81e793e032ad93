//! Lineage, programs, credentials and surroundings.

use sensor_common::{
    CgroupRecord, CredentialRecord, CredentialSet, ExecRecord, ExitRecord, ForkRecord,
    NamespaceRecord, StdioKind, exe_flags,
};

use super::{DecodeError, process_id, reader::Body};
use crate::event::{
    Capabilities, CgroupCreate, CredentialChange, Credentials, Exec, ExecFacts, Exit, ExitStatus,
    FileId, Fork, NamespaceChange, NamespaceFlags, Namespaces, Standing, Tgid,
};

pub(super) fn fork(body: Body<'_>) -> Result<Fork, DecodeError> {
    let (record, _) = body.split::<ForkRecord>()?;
    Ok(Fork {
        parent: process_id(record.parent_tgid, record.parent_start_time),
        creator: Tgid(record.creator_tgid),
        flags: record.clone_flags,
    })
}

pub(super) fn exec<'a>(body: Body<'a>, standing: &Standing) -> Result<Exec<'a>, DecodeError> {
    let (record, mut tail) = body.split::<ExecRecord>()?;
    let flag = |bit| record.exe_flags & bit != 0;
    Ok(Exec {
        parent: process_id(record.parent_tgid, record.parent_start_time),
        facts: ExecFacts {
            file: FileId {
                device: record.exe_device,
                inode: record.exe_inode,
            },
            change_time: record.exe_change_time,
            mode: record.exe_mode,
            owner: record.exe_owner,
            memfd: flag(exe_flags::MEMFD),
            deleted: flag(exe_flags::DELETED),
            tmpfs: flag(exe_flags::TMPFS),
            interpreted: flag(exe_flags::INTERPRETED),
            uid: record.uid,
            gid: record.gid,
            euid: standing.euid,
            egid: record.egid,
            cgroup_id: standing.cgroup_id,
            pid_namespace: record.pid_namespace,
            mount_namespace: standing.mount_namespace,
            network_namespace: record.network_namespace,
            user_namespace: record.user_namespace,
            stdio: record.stdio.map(StdioKind::from_tag),
        },
        exe: tail.part(record.exe_length)?,
        cwd: tail.part(record.cwd_length)?,
        filename: tail.part(record.filename_length)?,
        args: tail.part(record.args_length)?,
        args_total: record.args_total,
    })
}

pub(super) fn exit(body: Body<'_>) -> Result<Exit, DecodeError> {
    let (record, _) = body.split::<ExitRecord>()?;
    Ok(Exit {
        parent: Tgid(record.parent_tgid),
        status: ExitStatus::from_wait_status(record.status),
    })
}

pub(super) fn credentials(body: Body<'_>) -> Result<CredentialChange, DecodeError> {
    let (record, _) = body.split::<CredentialRecord>()?;
    Ok(CredentialChange {
        after: credential_set(&record.after),
        before: (record.has_before != 0).then(|| credential_set(&record.before)),
    })
}

const fn credential_set(record: &CredentialSet) -> Credentials {
    Credentials {
        uid: record.uid,
        gid: record.gid,
        euid: record.euid,
        egid: record.egid,
        suid: record.suid,
        sgid: record.sgid,
        effective: Capabilities(record.effective),
        permitted: Capabilities(record.permitted),
    }
}

pub(super) fn namespaces(body: Body<'_>) -> Result<NamespaceChange, DecodeError> {
    let (record, _) = body.split::<NamespaceRecord>()?;
    let [mount, pid, network, user, uts, ipc, cgroup] = record.namespaces;
    Ok(NamespaceChange {
        flags: NamespaceFlags(record.flags),
        joined: record.joined != 0,
        namespaces: Namespaces {
            mount,
            pid,
            network,
            user,
            uts,
            ipc,
            cgroup,
        },
        result: body.result(record.result),
    })
}

pub(super) fn cgroup_create(body: Body<'_>) -> Result<CgroupCreate<'_>, DecodeError> {
    let (record, mut tail) = body.split::<CgroupRecord>()?;
    Ok(CgroupCreate {
        id: record.id,
        hierarchy: record.hierarchy,
        path: tail.part(record.path_length)?,
    })
}
