//! What a policy takes for noise: it leaves no record, and nothing else does.

use std::path::Path;

use sensor_tests::actor;

use crate::{
    case::{Case, Played, Tier, Trouble},
    run::Run,
    stage::Stage,
    wanted::{is, path},
};

/// Kinds of what the actor does that may be excluded by who acts.
const BY_WHO: [&str; 4] = ["file.unlink", "file.rename", "network.connect", "file.open"];

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::exclusion("an executable", "file.open", executable),
        Case::exclusion("a link to an executable", "file.open", link),
        Case::exclusion("a cgroup made later", "file.open", cgroup),
        Case::exclusion("a directory", "file.open", directory),
        Case::exclusion("not who is not named", "file.open", |stage| {
            let directory = stage.directory();
            let run = noise(stage, &actor(), "plain", &directory, &[])?;
            every_act(&run, &directory)
        }),
        Case::exclusion("not another directory at its path", "file.open", disguised),
    ]
}

fn noise<'a>(
    stage: &'a Stage,
    program: &Path,
    how: &str,
    directory: &Path,
    more: &[&Path],
) -> Result<Run<'a>, Trouble> {
    let watched = stage.watched("noise");
    let mut arguments = vec!["noise", how];
    let paths = [directory, &watched]
        .into_iter()
        .chain(more.iter().copied());
    arguments.extend(paths.map(|path| path.to_str().unwrap()));
    stage.act_as(program, &arguments)
}

fn executable(stage: &Stage) -> Played {
    let directory = stage.directory();
    let run = noise(stage, &stage.excluded_program(), "plain", &directory, &[])?;
    nothing_but_what_all_must(&run, stage, &directory)
}

/// It is known by its inode.
fn link(stage: &Stage) -> Played {
    let directory = stage.directory();
    let link = directory.join("link");
    std::fs::hard_link(stage.excluded_program(), &link).unwrap();
    let run = noise(stage, &link, "plain", &directory, &[])?;
    nothing_but_what_all_must(&run, stage, &directory)
}

fn cgroup(stage: &Stage) -> Played {
    let directory = stage.directory();
    let cgroup = stage.excluded_cgroup()?;
    let run = noise(stage, &actor(), "cgroup", &directory, &[&cgroup]);
    stage.cgroups.remove(&cgroup);
    nothing_but_what_all_must(&run?, stage, &directory)
}

/// Nothing of what may be excluded was recorded, and everything else was.
fn nothing_but_what_all_must(run: &Run, stage: &Stage, directory: &Path) -> Played {
    let who = run.actor();
    let excluded = run.records(|record| {
        let path = record["file"]["path"].as_str();
        // What is watched lies elsewhere, and so does what a cgroup is entered by.
        who.acted(record)
            && BY_WHO.iter().any(|kind| record["kind"] == *kind)
            && path.is_none_or(|path| Path::new(path).starts_with(directory))
    })?;
    if let Some(record) = excluded.first() {
        return Err(Trouble::Wrong(format!("it was excluded: {record}")));
    }
    run.expect("process.exec", &[])?;
    run.expect("file.chmod", &[("file.mode", is("4755"))])?;
    run.expect("network.bind", &[])?;
    let watched = path(stage.watched("noise"));
    run.expect("file.open", &[("file.path", watched)])?;
    // What it did was done.
    assert!(!directory.join("moved").exists());
    Ok(())
}

/// All that it did has a record.
fn every_act(run: &Run, directory: &Path) -> Played {
    run.expect("file.open", &[("file.path", path(directory.join("made")))])?;
    run.expect(
        "file.rename",
        &[("file.target", path(directory.join("moved")))],
    )?;
    run.expect(
        "file.unlink",
        &[("file.path", path(directory.join("moved")))],
    )?;
    run.expect("network.connect", &[])?;
    Ok(())
}

/// Of files in it, what the kernel has the path of; a caller's word excludes
/// nothing.
fn directory(stage: &Stage) -> Played {
    let directory = stage.excluded_directory();
    let run = noise(stage, &actor(), "plain", &directory, &[])?;
    run.expect_none("file.open", &[("file.path", path(directory.join("made")))])?;
    let moved = ("file.path", path(directory.join("moved")));
    if run.tier() == Tier::Tracepoint {
        run.expect("file.unlink", &[moved])?;
    } else {
        run.expect_none("file.unlink", &[moved])?;
        run.expect_none("file.rename", &[])?;
    }
    run.expect("network.connect", &[])?;
    // One that leads out of it.
    let outside = stage.directory();
    let run = noise(
        stage,
        &actor(),
        "plain",
        &directory.join("..").join(outside.file_name().unwrap()),
        &[],
    )?;
    run.expect("file.open", &[("file.path", path(outside.join("made")))])?;
    Ok(())
}

/// In a mount namespace of his own, anybody can put other files there.
fn disguised(stage: &Stage) -> Played {
    let (directory, other) = (stage.excluded_directory(), stage.directory());
    let run = noise(stage, &actor(), "disguised", &directory, &[&other])?;
    let who = run.actor().moving();
    let made = ("file.path", path(directory.join("made")));
    run.expect_by(&who, "file.open", &[made])?;
    Ok(())
}
