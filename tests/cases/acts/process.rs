//! Births, ends, signals, names and sessions.

use serde_json::json;

use crate::{
    case::{Case, Played, Trouble},
    stage::Stage,
    wanted::{Wanted, is, names, outcome, perhaps},
    who::Who,
};

const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
const NEW_NAMESPACES: u64 = 0x2000_0000 | 0x0400_0000 | 0x0002_0000;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("fork", 0, &[][..]),
        ("vfork", CLONE_VM | CLONE_VFORK, &[]),
        ("clone", NEW_NAMESPACES, &["mount", "pid", "uts"]),
        ("clone3", NEW_NAMESPACES, &["mount", "pid", "uts"]),
    ]
    .into_iter()
    .map(|(how, flags, namespaces)| {
        Case::act("process.fork", how, move |stage| {
            birth(stage, how, flags, namespaces)
        })
    })
    .collect();
    cases.extend(
        ["kill", "tgkill", "queue", "pidfd"]
            .map(|how| Case::act("process.signal", how, move |stage| signal(stage, how))),
    );
    cases.extend([
        Case::act("process.exit", "code", |stage| {
            let run = stage.act(&["process", "fork", "fork"])?;
            let child = Who::number(run.number("child"));
            run.expect_by(
                &child,
                "process.exit",
                &[("exit", is(json!({ "code": 7 })))],
            )?;
            run.expect("process.exit", &[("exit", is(json!({ "code": 0 })))])?;
            Ok(())
        }),
        Case::act("process.exit", "signal", |stage| {
            let run = stage.act(&["process", "die"])?;
            run.expect("process.exit", &[("exit", is(json!({ "signal": 9 })))])?;
            Ok(())
        }),
        Case::act("process.rename", "prctl", |stage| {
            let run = stage.act(&["process", "rename", "kworker/u8:3"])?;
            run.expect("process.rename", &[("change.name", is("kworker/u8:3"))])?;
            Ok(())
        }),
        Case::act("process.arguments", "prctl", arguments),
        Case::act("process.session", "setsid", |stage| {
            let run = stage.act(&["process", "session"])?;
            let session = outcome(run.number("session"));
            run.expect("process.session", &[("change.session", session)])?;
            Ok(())
        }),
    ]);
    cases
}

fn birth(stage: &Stage, how: &str, flags: u64, namespaces: &[&str]) -> Played {
    let run = stage.act(&["process", "fork", how])?;
    let child = Who {
        euid: run.actor().euid,
        capabilities: run.actor().capabilities,
        ..Who::number(run.number("child"))
    };
    let parent = run.actor();
    let record = run.expect_by(
        &child,
        "process.fork",
        &[
            ("process.parent.pid", is(parent.pid)),
            ("fork.new_namespaces", names(namespaces)),
            ("fork.shares_memory", is(flags & CLONE_VM != 0)),
            ("fork.flags", Wanted::Bits(flags)),
        ],
    )?;
    // The signal at the child's end is among the low bits, or not.
    let said = record["fork"]["flags"].as_u64().unwrap_or_default() & !0xff;
    if said != flags {
        return Err(Trouble::Wrong(format!(
            "flags are {said:#x}, not {flags:#x}: {record}"
        )));
    }
    let end = run.expect_by(
        &child,
        "process.exit",
        &[("exit", is(json!({ "code": 7 })))],
    )?;
    let start = &record["process"]["start_boottime_ns"];
    if end["process"]["start_boottime_ns"] != *start {
        return Err(Trouble::Wrong(format!("another start than {start}: {end}")));
    }
    Ok(())
}

fn signal(stage: &Stage, how: &str) -> Played {
    let run = stage.act(&["process", "signal", how])?;
    let target = run.number("target");
    run.expect(
        "process.signal",
        &[
            ("target.pid", is(target)),
            (
                "target.start_boottime_ns",
                Wanted::Ticks(run.number("target_start_ticks")),
            ),
            ("target.signal", is(15)),
            (
                "target.exe",
                perhaps(sensor_tests::actor().to_str().unwrap()),
            ),
            ("target.result", outcome(0)),
        ],
    )?;
    run.expect_by(
        &Who::number(target),
        "process.exit",
        &[("exit", is(json!({ "signal": 15 })))],
    )?;
    Ok(())
}

/// The start and end of the arguments by themselves need `CAP_SYS_RESOURCE`,
/// the whole map at once does not.
fn arguments(stage: &Stage) -> Played {
    let run = stage.act(&["process", "arguments"])?;
    let mut done = 0;
    for (fact, option) in [
        ("start", "PR_SET_MM_ARG_START"),
        ("end", "PR_SET_MM_ARG_END"),
        ("map", "PR_SET_MM_MAP"),
    ] {
        if run.facts()[fact] == 0 {
            run.expect("process.arguments", &[("change.option", is(option))])?;
            done += 1;
        }
    }
    if done == 0 {
        return Err(Trouble::Impossible(format!(
            "the kernel refuses: {}",
            run.facts()
        )));
    }
    Ok(())
}
