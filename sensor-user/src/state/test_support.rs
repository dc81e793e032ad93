//! Values that tests of several modules build on.

use sensor_common::StdioKind;

use crate::{
    capture::BootTime,
    event::{ExecFacts, FileId, ProcessId, Tgid},
};

pub(crate) fn process_id(number: u32, start: u64) -> ProcessId {
    ProcessId {
        tgid: Tgid(number),
        start: BootTime(start),
    }
}

pub(crate) fn exec_facts() -> ExecFacts {
    ExecFacts {
        file: FileId {
            device: 1,
            inode: 1,
        },
        change_time: 0,
        mode: 0o100_755,
        owner: 0,
        memfd: false,
        deleted: false,
        tmpfs: false,
        interpreted: false,
        uid: 0,
        gid: 0,
        euid: 0,
        egid: 0,
        cgroup_id: 0,
        pid_namespace: 0,
        mount_namespace: 0,
        network_namespace: 0,
        user_namespace: 0,
        stdio: [StdioKind::CharacterDevice; 3],
    }
}
