//! Files: opened, named, changed, written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    case::{Case, Played, Tier, Trouble},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, outcome, path},
};

const O_WRONLY: u64 = 1;
const O_RDWR: u64 = 2;
const O_CREAT: u64 = 0o100;
const O_APPEND: u64 = 0o2000;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = opens();
    cases.extend(names());
    cases.extend(changes());
    cases.extend(times());
    cases.extend(
        ["write", "writev", "pwrite", "pwritev"]
            .map(|how| Case::act("file.write", how, move |stage| write(stage, how))),
    );
    cases.extend(
        [
            ("sendfile", "sendfile"),
            ("copy-range", "copy_file_range"),
            ("splice", "splice"),
        ]
        .map(|(how, call)| {
            let name = format!("watched file written by {call}");
            Case::evasion(&name, "file.write", move |stage| write(stage, how))
                .unseen_in(&[Tier::Tracepoint], call)
        }),
    );
    cases.push(Case::act("file.map", "shared_and_writable", |stage| {
        map(stage, "map")
    }));
    cases.push(
        Case::evasion("shared mapping made writable later", "file.map", |stage| {
            map(stage, "map-later")
        })
        .unseen_in(&[Tier::Tracepoint], "mprotect"),
    );
    cases
}

fn map(stage: &Stage, how: &str) -> Played {
    let file = stage.file();
    let run = act(stage, &["file", how], &[&file])?;
    let mut wanted = known(&run, &file);
    wanted.push(("file.protection", is("rw")));
    run.expect("file.map", &wanted)?;
    Ok(())
}

/// Has the actor do something with paths.
pub(crate) fn act<'a>(
    stage: &'a Stage,
    what: &[&str],
    paths: &[&Path],
) -> Result<Run<'a>, Trouble> {
    let mut arguments = what.to_vec();
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    stage.act(&arguments)
}

/// Path and identity of a file of which the kernel had the object.
pub(crate) fn known(run: &Run, file: &Path) -> Vec<(&'static str, Wanted)> {
    vec![
        ("file.path", path(file)),
        ("file.path_source", Wanted::Resolved),
        ("file.path_truncated", Wanted::Absent),
        ("file.inode", is(run.facts()["inode"].clone())),
        ("file.device", is(run.facts()["device"].clone())),
    ]
}

/// Path, and identity if it is told: a name may be all that is at hand.
fn named(run: &Run, file: &Path) -> Vec<(&'static str, Wanted)> {
    let mut wanted = known(run, file);
    for (_, wanted) in &mut wanted[3..] {
        if let Wanted::Is(value) = wanted {
            *wanted = Wanted::Perhaps(value.clone());
        }
    }
    wanted
}

fn open(stage: &Stage, how: &str, file: &Path, flags: u64) -> Played {
    let run = act(stage, &["file", how], &[file])?;
    let created = flags & O_CREAT != 0;
    let mut wanted = known(&run, file);
    wanted.extend([
        ("file.path_source", is("kernel")),
        ("file.mode", is(run.facts()["mode"].clone())),
        ("file.flags", Wanted::Bits(flags)),
        ("file.created", is(created)),
        ("file.result", Wanted::Absent),
        ("through", Wanted::Absent),
    ]);
    run.expect_times(1, "file.open", &wanted)
}

fn opens() -> Vec<Case> {
    const KIND: &str = "file.open";
    let mut cases: Vec<Case> = [
        ("create", O_CREAT | O_WRONLY),
        ("openat2", O_CREAT | O_WRONLY),
    ]
    .map(|(how, flags)| {
        Case::act(KIND, how, move |stage| {
            open(stage, how, &stage.directory().join("new"), flags)
        })
    })
    .into();
    cases.extend(
        [("open", O_RDWR), ("append", O_WRONLY | O_APPEND)].map(|(how, flags)| {
            Case::act(KIND, how, move |stage| {
                open(stage, how, &stage.file(), flags)
            })
        }),
    );
    cases.extend([
        Case::act(KIND, "read_of_watched", |stage| {
            open(stage, "read", &stage.watched("plain"), 0)
        }),
        Case::act(KIND, "read_below_watched", |stage| {
            let file = stage.watched("directory").join("made-later");
            fs::write(&file, "x").unwrap();
            open(stage, "read", &file, 0)
        }),
        Case::act(KIND, "read_of_watched_name", |stage| {
            let run = read_in(stage, ".ssh", "key")?;
            run.expect_times(1, KIND, &[("file.watched", is("name"))])
        }),
        Case::act(KIND, "read_of_watched_name_in_any_directory", |stage| {
            let run = read_in(stage, "anywhere", ".netrc")?;
            run.expect_times(1, KIND, &[("file.watched", is("name"))])
        }),
        Case::act(
            KIND,
            "read_of_watched_name_below_two_directories",
            |stage| {
                let directory = stage.directory().join(".config");
                fs::create_dir(&directory).unwrap();
                let file = made(&directory, "gcloud", "credentials.db");
                open(stage, "read", &file, 0)
            },
        ),
        Case::act(KIND, "read_of_nearly_watched_names_is_not_told", |stage| {
            // Each differs from a watched one by its end or its directory.
            for (directory, name) in [
                ("etc", "shadow.txt"),
                ("etd", "shadow"),
                ("docker", "config.json"),
                (".docker", "config.jsox"),
                ("gcloud", "credentials.db"),
                (".kube", "configs"),
            ] {
                let run = read_in(stage, directory, name)?;
                run.expect_none(KIND, &[])?;
            }
            Ok(())
        }),
        Case::act(KIND, "write_of_watched_name_is_a_write", |stage| {
            let file = made(&stage.directory(), "etc", "shadow");
            let run = act(stage, &["file", "append"], &[&file])?;
            let wanted = [("file.path", path(&file)), ("file.watched", Wanted::Absent)];
            run.expect_times(1, KIND, &wanted)
        }),
        Case::act(KIND, "read_of_another_process", |stage| {
            let run = act(stage, &["file", "environ-of-parent"], &[])?;
            let wanted = [
                ("file.path", is(run.facts()["path"].clone())),
                ("file.watched", is("name")),
            ];
            run.expect_times(1, KIND, &wanted)
        }),
        Case::act(KIND, "read_of_oneself_is_not_told", |stage| {
            let run = act(stage, &["file", "environ-of-itself"], &[])?;
            run.expect_none(KIND, &[])
        }),
        Case::act(KIND, "read_of_others_is_not_told", |stage| {
            let file = stage.file();
            let run = act(stage, &["file", "read"], &[&file])?;
            run.expect_none(KIND, &[("file.path", path(&file))])
        }),
    ]);
    cases
}

/// Makes a file in a new directory.
fn made(place: &Path, directory: &str, name: &str) -> PathBuf {
    let directory = place.join(directory);
    fs::create_dir(&directory).unwrap();
    let file = directory.join(name);
    fs::write(&file, "words").unwrap();
    file
}

/// Has the actor read a new file.
fn read_in<'a>(stage: &'a Stage, directory: &str, name: &str) -> Result<Run<'a>, Trouble> {
    let file = made(&stage.directory(), directory, name);
    act(stage, &["file", "read"], &[&file])
}

fn unlink(stage: &Stage, how: &str, file: &Path, directory: bool) -> Played {
    let run = act(stage, &["file", how], &[file])?;
    let mut wanted = named(&run, file);
    wanted.extend([
        ("file.directory", is(directory)),
        ("file.result", outcome(0)),
    ]);
    run.expect_times(1, "file.unlink", &wanted)
}

/// `flags` are `RENAME_*`.
fn rename(stage: &Stage, how: &str, other: &Path, flags: u64) -> Played {
    let file = stage.file();
    let run = act(stage, &["file", how], &[&file, other])?;
    let mut wanted = named(&run, &file);
    wanted.extend([
        ("file.target", path(other)),
        ("file.target_source", Wanted::Resolved),
        (
            "file.flags",
            if stage.tier == Tier::Lsm && is_5_10() {
                // The hook is not told them there.
                Wanted::Absent
            } else if flags == 0 {
                Wanted::OneOf(vec![0.into(), ().into()])
            } else {
                is(flags)
            },
        ),
        ("file.result", outcome(0)),
    ]);
    run.expect_times(1, "file.rename", &wanted)
}

fn is_5_10() -> bool {
    let system = rustix::system::uname();
    system.release().to_bytes().starts_with(b"5.10.")
}

fn names() -> Vec<Case> {
    vec![
        Case::act("file.unlink", "file", |stage| {
            unlink(stage, "unlink", &stage.file(), false)
        }),
        Case::act("file.unlink", "directory", |stage| {
            unlink(stage, "rmdir", &stage.directory(), true)
        }),
        Case::act("file.rename", "into_another_directory", |stage| {
            rename(stage, "rename", &stage.directory().join("moved"), 0)
        }),
        Case::act("file.rename", "exchange", |stage| {
            rename(stage, "exchange", &stage.file(), 2)
        }),
        Case::act("file.link", "hard", |stage| {
            let (file, name) = (stage.file(), stage.directory().join("second"));
            let run = act(stage, &["file", "link"], &[&file, &name])?;
            let mut wanted = named(&run, &file);
            wanted.extend([
                ("file.target", path(&name)),
                ("file.target_source", Wanted::Resolved),
                ("file.result", outcome(0)),
            ]);
            run.expect_times(1, "file.link", &wanted)
        }),
        Case::act("file.symlink", "symbolic", |stage| {
            let link = stage.directory().join("link");
            let text = "../some/where else";
            let run = act(stage, &["file", "symlink"], &[&link, Path::new(text)])?;
            let wanted = [
                ("file.path", path(&link)),
                ("file.path_source", Wanted::Resolved),
                ("file.link_target", is(text)),
                ("file.result", outcome(0)),
            ];
            run.expect_times(1, "file.symlink", &wanted)
        }),
    ]
}

/// A change to a file, by its name or by a descriptor of it.
fn change(stage: &Stage, kind: &str, how: &str, what: &[(&'static str, Wanted)]) -> Played {
    changed(stage, kind, how, what).map(drop)
}

/// The same, for those who want to know more of it.
fn changed<'a>(
    stage: &'a Stage,
    kind: &str,
    how: &str,
    what: &[(&'static str, Wanted)],
) -> Result<Run<'a>, Trouble> {
    let file = stage.file();
    let run = act(stage, &["file", how], &[&file])?;
    let by_descriptor = how.starts_with('f') && how != "futimesat";
    let mut wanted = if by_descriptor {
        known(&run, &file)
    } else {
        named(&run, &file)
    };
    wanted.extend_from_slice(what);
    wanted.push(("file.result", outcome(0)));
    run.expect_times(1, kind, &wanted)?;
    Ok(run)
}

fn times() -> impl Iterator<Item = Case> {
    let calls = [
        "utime",
        "utimes",
        "futimesat",
        "utimensat",
        "futimens",
        "accessed",
    ];
    calls.into_iter().map(|how| {
        Case::act("file.times", how, move |stage| {
            let modified = if how == "accessed" {
                [
                    ("file.modified", Wanted::Absent),
                    ("file.backdated", Wanted::Absent),
                ]
            } else {
                [
                    ("file.modified", is(1_000_000_000)),
                    ("file.backdated", is(true)),
                ]
            };
            let run = changed(stage, "file.times", how, &modified)?;
            // None of those that were set to now.
            run.expect_times(1, "file.times", &[])?;
            if stage.tier == Tier::Tracepoint {
                return Ok(());
            }
            // Where there is a hook on the kernel's own object, it is in use.
            run.expect_times(1, "file.times", &[("file.path_source", is("kernel"))])
        })
    })
}

fn changes() -> Vec<Case> {
    let mode = [("file.mode", is("4755"))];
    let owner = [("file.uid", is(1_234)), ("file.gid", Wanted::Absent)];
    let both = [("file.uid", is(1_234)), ("file.gid", is(4_321))];
    let attribute = |flags: u64| {
        [
            ("file.attribute", is("security.capability")),
            ("file.flags", Wanted::Bits(flags)),
        ]
    };
    let case = |kind: &'static str, how: &'static str, what: &[(&'static str, Wanted)]| {
        let what = what.to_vec();
        Case::act(kind, how, move |stage| change(stage, kind, how, &what))
    };
    vec![
        case("file.chmod", "chmod", &mode),
        case("file.chmod", "fchmod", &mode),
        case("file.chown", "chown", &owner),
        case("file.chown", "fchown", &both),
        case("file.setxattr", "setxattr", &attribute(0)),
        case("file.setxattr", "fsetxattr", &attribute(1)),
        case("file.truncate", "truncate", &[]),
        case("file.truncate", "ftruncate", &[]),
    ]
}

fn write(stage: &Stage, how: &str) -> Played {
    let (file, source) = (stage.watched("written"), stage.file());
    let run = act(stage, &["file", how], &[&file, &source])?;
    let mut wanted = known(&run, &file);
    wanted.push(("file.path_source", Wanted::Resolved));
    run.expect("file.write", &wanted)?;
    // Nothing of files that are not watched.
    run.expect_none("file.write", &[("file.path", path(&source))])
}
