//! Processes that were there before the sensor.

use sensor_common::StdioKind;

use super::{put_process, take_process};
use crate::{
    capture::ScannedProcess,
    event::{Capabilities, Credentials, ExecFacts, FileId, Tgid},
    recording::bytes::{Malformed, Taker, put_number, put_signed, put_string},
};

pub(super) fn put(out: &mut Vec<u8>, process: &ScannedProcess) {
    let ScannedProcess {
        id,
        parent,
        facts,
        credentials,
        exe,
        cwd,
        args,
    } = process;
    put_process(out, *id);
    put_number(out, parent.0.into());
    put_facts(out, facts);
    let Credentials {
        uid,
        gid,
        euid,
        egid,
        suid,
        sgid,
        effective,
        permitted,
    } = *credentials;
    for number in [uid, gid, euid, egid, suid, sgid] {
        put_number(out, number.into());
    }
    put_number(out, effective.0);
    put_number(out, permitted.0);
    for string in [exe, cwd, args] {
        put_string(out, string);
    }
}

pub(super) fn take(from: &mut Taker<'_>) -> Result<ScannedProcess, Malformed> {
    Ok(ScannedProcess {
        id: take_process(from)?,
        parent: Tgid(from.narrow()?),
        facts: take_facts(from)?,
        credentials: Credentials {
            uid: from.narrow()?,
            gid: from.narrow()?,
            euid: from.narrow()?,
            egid: from.narrow()?,
            suid: from.narrow()?,
            sgid: from.narrow()?,
            effective: Capabilities(from.number()?),
            permitted: Capabilities(from.number()?),
        },
        exe: from.string()?.to_vec(),
        cwd: from.string()?.to_vec(),
        args: from.string()?.to_vec(),
    })
}

fn put_facts(out: &mut Vec<u8>, facts: &ExecFacts) {
    let ExecFacts {
        file,
        change_time,
        mode,
        owner,
        memfd,
        deleted,
        tmpfs,
        interpreted,
        uid,
        gid,
        euid,
        egid,
        cgroup_id,
        pid_namespace,
        mount_namespace,
        network_namespace,
        user_namespace,
        stdio,
    } = *facts;
    put_number(out, file.device.into());
    put_number(out, file.inode);
    put_signed(out, change_time);
    put_number(out, mode.into());
    put_number(out, owner.into());
    for flag in [memfd, deleted, tmpfs, interpreted] {
        out.push(u8::from(flag));
    }
    for number in [uid, gid, euid, egid] {
        put_number(out, number.into());
    }
    put_number(out, cgroup_id);
    for number in [
        pid_namespace,
        mount_namespace,
        network_namespace,
        user_namespace,
    ] {
        put_number(out, number.into());
    }
    out.extend(stdio.map(|kind| kind as u8));
}

fn take_facts(from: &mut Taker<'_>) -> Result<ExecFacts, Malformed> {
    Ok(ExecFacts {
        file: FileId {
            device: from.narrow()?,
            inode: from.number()?,
        },
        change_time: from.signed()?,
        mode: from.narrow()?,
        owner: from.narrow()?,
        memfd: from.flag()?,
        deleted: from.flag()?,
        tmpfs: from.flag()?,
        interpreted: from.flag()?,
        uid: from.narrow()?,
        gid: from.narrow()?,
        euid: from.narrow()?,
        egid: from.narrow()?,
        cgroup_id: from.number()?,
        pid_namespace: from.narrow()?,
        mount_namespace: from.narrow()?,
        network_namespace: from.narrow()?,
        user_namespace: from.narrow()?,
        stdio: [
            StdioKind::from_tag(from.byte()?),
            StdioKind::from_tag(from.byte()?),
            StdioKind::from_tag(from.byte()?),
        ],
    })
}
