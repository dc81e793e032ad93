//! A watched file by other names.

use std::path::Path;

use crate::{
    case::{Case, Played},
    file::{act, known},
    stage::Stage,
    wanted::{Wanted, is},
};

const O_PATH: u64 = 0o10_000_000;

pub(crate) fn cases() -> Vec<Case> {
    [
        ("watched file by a symbolic link", "symlink", false),
        ("watched file by a hard link", "hard-link", true),
        ("watched file by a bind mount", "bind", true),
        ("watched file below /proc/self/root", "root", false),
        ("watched file below /proc/self/cwd", "directory", false),
        ("watched file by its descriptor", "descriptor", false),
    ]
    .map(|(name, how, other_path)| {
        Case::evasion(name, "file.open", move |stage| {
            alias(stage, how, other_path)
        })
    })
    .into()
}

/// The record tells which file it is, by device and inode, and the path that
/// the kernel reached it by.
fn alias(stage: &Stage, how: &str, other_path: bool) -> Played {
    let file = stage.watched("alias");
    let name = stage.directory().join("other-name");
    let run = act(stage, &["alias", how], &[&file, &name])?;
    let reached: &Path = if other_path { &name } else { &file };
    let mut wanted = known(&run, reached);
    wanted.extend([
        ("file.path_source", is("kernel")),
        ("file.created", is(false)),
        // Not of the handle that some of them are reached by.
        ("file.flags", Wanted::NoBits(O_PATH)),
    ]);
    run.expect_times(1, "file.open", &wanted)
}
