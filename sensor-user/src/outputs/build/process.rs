use std::time::Duration;

use super::{device, octal, text};
use crate::{
    capture::WallClock,
    event::{ExecFacts, ExitStatus, ProcessId, Standing},
    outputs::record::{ContainerPart, ExecPart, ExitPart, ParentPart, ProcessPart},
    state::{Container, Image, Portrait, ProcessTable, Sha256},
};

/// A process with all that is known of it.
pub(super) fn part(clock: WallClock, id: ProcessId, table: &ProcessTable) -> ProcessPart {
    table.get(id).map_or_else(
        || stranger(clock, id),
        |process| portrait_part(clock, &Portrait::of(process, table)),
    )
}

/// A process of which nothing is known but that it is there.
fn stranger(clock: WallClock, id: ProcessId) -> ProcessPart {
    ProcessPart {
        pid: id.tgid.0,
        start_time: clock.rfc3339(id.start),
        start_boottime_ns: id.start.0,
        ..ProcessPart::default()
    }
}

/// A process as it was.
pub(super) fn portrait_part(clock: WallClock, portrait: &Portrait) -> ProcessPart {
    let mut part = stranger(clock, portrait.id);
    part.parent = portrait.parent.map(|parent| ParentPart {
        pid: parent.tgid.0,
        start_boottime_ns: parent.start.0,
        exe: portrait
            .parent_image
            .as_deref()
            .map(|image| text(&image.exe)),
    });
    if let Some(image) = &portrait.image {
        describe_image(&mut part, image);
    }
    if let Some(standing) = &portrait.standing {
        describe_standing(&mut part, standing);
    }
    part.container = portrait.container.as_deref().map(container_part);
    part
}

fn describe_image(part: &mut ProcessPart, image: &Image) {
    let facts = &image.facts;
    part.exe = Some(text(&image.exe));
    part.args = Some(image.arguments().map(text).collect());
    part.args_truncated = image.args_total as usize > image.args.len();
    part.cwd = Some(text(&image.cwd));
    part.uid = Some(facts.uid);
    part.gid = Some(facts.gid);
    part.egid = Some(facts.egid);
    part.pid_namespace = Some(facts.pid_namespace);
    part.network_namespace = Some(facts.network_namespace);
    part.user_namespace = Some(facts.user_namespace);
}

/// Adds with which rights and where the process acts.
pub(super) const fn describe_standing(part: &mut ProcessPart, standing: &Standing) {
    part.euid = Some(standing.euid);
    part.capabilities = Some(standing.capabilities);
    part.cgroup_id = Some(standing.cgroup_id);
    part.mount_namespace = Some(standing.mount_namespace);
}

fn container_part(container: &Container) -> ContainerPart {
    ContainerPart {
        id: container.id.to_string(),
        runtime: container.runtime,
        pod_uid: container.pod_uid.as_deref().map(str::to_owned),
    }
}

pub(super) fn exec_part(
    facts: &ExecFacts,
    sha256: Option<Sha256>,
    filename: Option<&[u8]>,
) -> ExecPart {
    ExecPart {
        filename: filename.map(text),
        device: device(facts.file.device),
        inode: facts.file.inode,
        sha256,
        mode: octal(facts.mode),
        owner: facts.owner,
        memfd: facts.memfd,
        deleted: facts.deleted,
        tmpfs: facts.tmpfs,
        interpreted: facts.interpreted,
        stdio: facts.stdio.map(sensor_common::StdioKind::name),
    }
}

pub(super) fn exit_part(status: ExitStatus, killed_after: Option<Duration>) -> ExitPart {
    let (code, signal) = match status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
    };
    ExitPart {
        code,
        signal,
        killed_after_us: killed_after.map(|time| time.as_secs_f64() * 1e6),
    }
}
