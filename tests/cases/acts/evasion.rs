//! Being faster than the reader, or other than one seems.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sensor_tests::{actor, args_of};
use serde_json::{Value, json};

use crate::{
    case::{Case, Played, Tier, Trouble},
    file::{act, known},
    stage::Stage,
    wanted::{Wanted, is, path},
    who::Who,
};

/// Children of one process, one after the other.
const STORM: usize = 2_000;
/// What a record holds of a path, at most.
const PATH_MAX: usize = 4_096;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::evasion("path rewritten between check and use", "file.open", race),
        Case::evasion(
            "removed path rewritten between check and use",
            "file.unlink",
            removal,
        )
        .unseen_in(&[Tier::Tracepoint], "rewrites"),
        Case::evasion("path of nearly 4,000 bytes", "file.open", |stage| {
            deep(stage, 190, 19, false)
        }),
        Case::evasion("path of more than 4,096 bytes", "file.open", |stage| {
            deep(stage, 200, 30, true)
        }),
        Case::evasion("path of more than 64 components", "file.open", |stage| {
            deep(stage, 20, 100, true)
        }),
        Case::evasion("programs faster than the reader", "process.exec", storm),
        Case::evasion(
            "vfork and exit faster than the reader",
            "process.fork",
            births,
        ),
        Case::evasion("process number used again", "process.fork", same_number),
        Case::evasion("watched file read behind a flood", "file.open", read_behind),
        Case::evasion("set-id bit behind a flood", "file.chmod", chmod_behind),
    ]
}

/// A flood of reads of another file in the same directory comes before.
fn read_behind(stage: &Stage) -> Played {
    let flooded = stage.watched("flooded");
    let file = stage.watched("behind");
    let run = act(stage, &["file", "read-flood"], &[&file, &flooded])?;
    let mut wanted = known(&run, &file);
    wanted.push(("file.path_source", is("kernel")));
    run.expect_times(1, "file.open", &wanted)
}

/// A flood of harmless changes of the same file comes before.
fn chmod_behind(stage: &Stage) -> Played {
    let file = stage.file();
    let run = act(stage, &["file", "chmod-flood"], &[&file])?;
    let wanted = [
        ("file.path", path(&file)),
        ("file.mode", is(run.facts()["mode"].clone())),
    ];
    run.expect_times(1, "file.chmod", &wanted)
}

/// Every time that the watched file was really opened there is a record of it,
/// and none of another file.
fn race(stage: &Stage) -> Played {
    let harmless = stage.watched("raced-1").with_file_name("raced-0");
    let watched = stage.watched("raced-1");
    let run = act(
        stage,
        &["race", "open"],
        &[&slow(&harmless), &slow(&watched)],
    )?;
    let reached = run.number("reached");
    if reached == 0 {
        return Err(Trouble::Impossible(
            "the second thread was never in time".to_owned(),
        ));
    }
    let times = usize::try_from(reached).unwrap();
    let wanted = [
        ("file.path", is(watched.to_str().unwrap())),
        ("file.path_source", is("kernel")),
        ("file.inode", is(run.number("inode"))),
        ("file.device", is(run.facts()["device"].clone())),
    ];
    run.expect_times(times, "file.open", &wanted)?;
    run.expect_none(
        "file.open",
        &[("file.path", is(harmless.to_str().unwrap()))],
    )
}

/// The same path, on which the kernel has a longer way to go: time for the
/// second thread.
fn slow(path: &Path) -> PathBuf {
    let detour = "./".repeat(400);
    path.parent()
        .unwrap()
        .join(detour)
        .join(path.file_name().unwrap())
}

/// Each removal is told of the name that was removed.
fn removal(stage: &Stage) -> Played {
    let first = stage.directory().join("a");
    let second = first.with_file_name("b");
    let run = act(stage, &["race", "unlink"], &[&slow(&first), &slow(&second)])?;
    let removed: Vec<&Path> = run.facts()["removed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| {
            if number == 0 {
                first.as_path()
            } else {
                &second
            }
        })
        .collect();
    let who = run.actor();
    let told = run.records(|record| record["kind"] == "file.unlink" && who.acted(record))?;
    if told.len() != removed.len() {
        let text = format!("{} records of {} removals", told.len(), removed.len());
        return Err(Trouble::Wrong(text));
    }
    let others = told
        .iter()
        .zip(&removed)
        .filter(|(record, removed)| record["file"]["path"] != removed.to_str().unwrap())
        .count();
    match (stage.tier, others) {
        // True or not is a matter of luck: the true names go unseen.
        (Tier::Tracepoint, _) => Err(Trouble::Missing(format!("{others} true names"))),
        (Tier::Lsm | Tier::Fentry, 0) => Ok(()),
        (Tier::Lsm | Tier::Fentry, _) => {
            let text = format!("{others} of {} are told of the other file", told.len());
            Err(Trouble::Wrong(text))
        }
    }
}

fn deep(stage: &Stage, length: usize, count: usize, cut: bool) -> Played {
    let top = stage.directory();
    let run = stage.act(&[
        "deep",
        "create",
        top.to_str().unwrap(),
        &length.to_string(),
        &count.to_string(),
        "the-end",
    ])?;
    let path = run.facts()["path"].as_str().unwrap();
    assert_eq!(path.len() > PATH_MAX || count > 64, cut);
    let end = format!("/{}/{}/the-end", "d".repeat(length), "d".repeat(length));
    let said = if cut { Wanted::EndsWith(end) } else { is(path) };
    let record = run.expect(
        "file.open",
        &[
            ("file.path", said),
            (
                "file.path_truncated",
                if cut { is(true) } else { Wanted::Absent },
            ),
            ("file.path_source", is("kernel")),
            ("file.inode", is(run.number("inode"))),
            ("file.device", is(run.facts()["device"].clone())),
        ],
    )?;
    // Nothing but the end of the true path, and most of what there is room for.
    let said = record["file"]["path"].as_str().unwrap();
    let kept = said.trim_start_matches(['…', '.', '/']);
    if path.ends_with(kept) && kept.len() * 2 > path.len().min(PATH_MAX).min(64 * length) {
        Ok(())
    } else {
        Err(Trouble::Wrong(format!(
            "{} bytes of {}: {said}",
            kept.len(),
            path.len()
        )))
    }
}

/// Records of one kind by numbers of children, each exactly once.
fn once_each<'a>(
    records: &'a [Value],
    kind: &'a str,
    children: &HashSet<u64>,
) -> Result<Vec<&'a Value>, Trouble> {
    let of_kind: Vec<&Value> = records
        .iter()
        .filter(|record| record["kind"] == kind)
        .collect();
    let told: HashSet<u64> = of_kind
        .iter()
        .filter_map(|r| r["process"]["pid"].as_u64())
        .collect();
    if of_kind.len() == children.len() && told == *children {
        return Ok(of_kind);
    }
    let missed = children.difference(&told).count();
    Err(Trouble::Wrong(format!(
        "{} records {kind} of {} children, {missed} of them missed",
        of_kind.len(),
        children.len()
    )))
}

/// Everything of a run's children, whose parent is right in each birth.
fn children_of(run: &crate::run::Run) -> Result<(HashSet<u64>, Vec<Value>), Trouble> {
    let numbers = run.facts()["children"].as_array().unwrap();
    let children: HashSet<u64> = numbers.iter().filter_map(Value::as_u64).collect();
    assert_eq!(children.len(), STORM);
    let records = run.records(|record| {
        let pid = record["process"]["pid"].as_u64();
        pid.is_some_and(|pid| children.contains(&pid)) && record["kind"] != "verdict"
    })?;
    let parent = run.actor();
    for birth in once_each(&records, "process.fork", &children)? {
        let said = &birth["process"]["parent"];
        let start = said["start_boottime_ns"].as_u64().unwrap_or_default();
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        if said["pid"] != parent.pid || Some(start / tick) != parent.start_ticks {
            return Err(Trouble::Wrong(format!(
                "not a child of {}: {birth}",
                parent.pid
            )));
        }
    }
    Ok((children, records))
}

fn storm(stage: &Stage) -> Played {
    let program = stage.directory().join("tiny");
    let made = act(stage, &["file", "program"], &[&program])?;
    let run = act(
        stage,
        &["fast", "programs", &STORM.to_string()],
        &[&program],
    )?;
    let (children, records) = children_of(&run)?;
    let mut arguments = HashSet::new();
    for exec in once_each(&records, "process.exec", &children)? {
        let right = exec["process"]["exe"] == program.to_str().unwrap()
            && exec["exec"]["inode"] == made.number("inode")
            && exec["process"]["parent"]["pid"] == run.number("pid");
        if !right {
            return Err(Trouble::Wrong(format!("another program: {exec}")));
        }
        let args = args_of(exec);
        assert_eq!(args[0], program.to_str().unwrap());
        arguments.insert(args[1].to_owned());
    }
    assert_eq!(arguments.len(), STORM);
    for exit in once_each(&records, "process.exit", &children)? {
        let right = exit["exit"] == json!({ "code": 3 })
            && exit["process"]["exe"] == program.to_str().unwrap();
        if !right {
            return Err(Trouble::Wrong(format!("another end: {exit}")));
        }
    }
    Ok(())
}

fn births(stage: &Stage) -> Played {
    let run = stage.act(&["fast", "births", &STORM.to_string()])?;
    let (children, records) = children_of(&run)?;
    for exit in once_each(&records, "process.exit", &children)? {
        if exit["exit"] != json!({ "code": 7 }) {
            return Err(Trouble::Wrong(format!("another end: {exit}")));
        }
    }
    Ok(())
}

/// Two processes of one number are two: what is known of the first is not said
/// of the second.
fn same_number(stage: &Stage) -> Played {
    let program = stage.directory().join("tiny");
    act(stage, &["file", "program"], &[&program])?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = act(stage, &["process", "same-number"], &[&program])?;
    let result = run.facts()["result"].as_i64().unwrap();
    if result < 0 {
        return Err(Trouble::Impossible(format!(
            "the kernel refuses the number: {result}"
        )));
    }
    let numbers = |kind| {
        run.records(|record| {
            record["kind"] == kind && Who::number(run.number("child")).acted(record)
        })
    };
    let (births, ends) = (numbers("process.fork")?, numbers("process.exit")?);
    let starts = |records: &[Value]| -> Vec<Value> {
        records
            .iter()
            .map(|record| record["process"]["start_boottime_ns"].clone())
            .collect()
    };
    let exes: Vec<&Value> = ends.iter().map(|end| &end["process"]["exe"]).collect();
    let codes: Vec<&Value> = ends.iter().map(|end| &end["exit"]["code"]).collect();
    let right = births.len() == 2
        && starts(&births) == starts(&ends)
        && births[0]["process"]["start_boottime_ns"] != births[1]["process"]["start_boottime_ns"]
        && exes == [program.to_str().unwrap(), actor().to_str().unwrap()]
        && codes == [3, 9];
    if right {
        Ok(())
    } else {
        Err(Trouble::Wrong(format!("births {births:?}\nends {ends:?}")))
    }
}
