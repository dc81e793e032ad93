//! Mounts, made and removed in a mount namespace of the actor's own.

use std::path::Path;

use crate::{
    case::{Case, Played, Tier},
    file::act,
    stage::Stage,
    wanted::{Wanted, is, one_of, outcome, path, perhaps},
};

const MS_NOSUID: u64 = 2;
const MS_NODEV: u64 = 4;
const MS_BIND: u64 = 4_096;
const MS_MOVE: u64 = 8_192;
const MNT_DETACH: u64 = 2;

pub(crate) fn cases() -> Vec<Case> {
    let memory = || {
        [
            ("file.source", is("sensor-source")),
            ("file.filesystem", is("tmpfs")),
            ("file.flags", Wanted::Bits(MS_NOSUID | MS_NODEV)),
        ]
    };
    vec![
        Case::act("file.mount", "tmpfs", move |stage| {
            let point = stage.directory();
            mount(stage, "tmpfs", &[&point], &point, &memory())
        }),
        Case::act("file.mount", "bind", |stage| {
            let (point, source) = (stage.directory(), stage.directory());
            let what = [
                ("file.source", path(&source)),
                ("file.flags", Wanted::Bits(MS_BIND)),
            ];
            mount(stage, "bind", &[&point, &source], &point, &what)
        }),
        Case::act("file.mount", "move", |stage| {
            let (point, to) = (stage.directory(), stage.directory());
            let what = [
                ("file.source", path(&point)),
                ("file.flags", Wanted::Bits(MS_MOVE)),
            ];
            mount(stage, "move", &[&point, &to], &to, &what)
        }),
        Case::act("file.mount", "move_mount", |stage| {
            let (point, source) = (stage.directory(), stage.directory());
            mount(stage, "move-mount", &[&point, &source], &point, &[])
        }),
        Case::act("file.mount", "new_interface", |stage| {
            let point = stage.directory();
            let what = [("file.filesystem", perhaps("tmpfs"))];
            mount(stage, "new-interface", &[&point], &point, &what)
        }),
        Case::act("file.unmount", "detach", |stage| {
            let point = stage.directory();
            let run = act(stage, &["mounting", "unmount"], &[&point])?;
            let wanted = [
                ("file.path", path(&point)),
                source(stage),
                ("file.flags", is(MNT_DETACH)),
                ("file.result", outcome(0)),
            ];
            run.expect_times(1, "file.unmount", &wanted)
        }),
    ]
}

/// Where the path may come from: without the kernel's object it is what the
/// caller gave, for the agent cannot look into the other mount namespace.
fn source(stage: &Stage) -> (&'static str, Wanted) {
    let wanted = match stage.tier {
        Tier::Tracepoint => one_of(["argument", "resolved", "kernel"]),
        Tier::Lsm | Tier::Fentry => Wanted::Resolved,
    };
    ("file.path_source", wanted)
}

fn mount(
    stage: &Stage,
    how: &str,
    paths: &[&Path],
    point: &Path,
    what: &[(&'static str, Wanted)],
) -> Played {
    let run = act(stage, &["mounting", how], paths)?;
    let mut wanted = vec![
        ("file.path", path(point)),
        source(stage),
        ("file.result", outcome(0)),
    ];
    wanted.extend_from_slice(what);
    run.expect("file.mount", &wanted)?;
    Ok(())
}
