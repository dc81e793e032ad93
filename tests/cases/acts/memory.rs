//! Memory: the process's own, and that of others.

use sensor_tests::actor;
use serde_json::Value;

use crate::{
    case::{Case, Played, Trouble},
    file::act,
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, outcome, path, perhaps},
    who::Who,
};

const O_RDWR: u64 = 2;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::act("memory.memfd", "create", memfd),
        Case::act("memory.ptrace", "attach", |stage| {
            ptrace(stage, "PTRACE_ATTACH", false)
        }),
        Case::act("memory.ptrace", "poke", |stage| {
            ptrace(stage, "PTRACE_POKEDATA", true)
        }),
        Case::act("memory.ptrace", "set_registers", |stage| {
            ptrace(stage, "PTRACE_SETREGS", false)
        }),
        Case::act("memory.ptrace", "seize", |stage| {
            let run = stage.act(&["memory", "seize"])?;
            let mut wanted = target(&run);
            wanted.push(("target.request", is("PTRACE_SEIZE")));
            run.expect_times(1, "memory.ptrace", &wanted)
        }),
        Case::act("memory.ptrace", "ask_to_be_traced", |stage| {
            let run = stage.act(&["memory", "traceme"])?;
            let child = Who::of(run.facts_of("traced"));
            let wanted = [
                ("target.request", is("PTRACE_TRACEME")),
                ("target.result", outcome(0)),
            ];
            run.expect_by(&child, "memory.ptrace", &wanted)?;
            Ok(())
        }),
        Case::act("memory.write", "process_vm_writev", |stage| {
            let run = stage.act(&["memory", "write"])?;
            let mut wanted = target(&run);
            wanted.retain(|(place, _)| *place != "target.result");
            wanted.push(("target.bytes", outcome(8)));
            wanted.push(("target.result", outcome(8)));
            run.expect_times(1, "memory.write", &wanted)
        }),
        Case::act("memory.process", "open", |stage| {
            let run = stage.act(&["memory", "process"])?;
            let wanted = [
                ("file.path", path(run.facts()["path"].as_str().unwrap())),
                ("file.target_pid", is(run.number("target"))),
                ("file.flags", Wanted::Bits(O_RDWR)),
                ("file.inode", is(run.number("inode"))),
                ("file.device", is(run.facts()["device"].clone())),
            ];
            run.expect_times(1, "memory.process", &wanted)
        }),
        Case::act("memory.executable", "map", |stage| {
            let run = stage.act(&["memory", "map"])?;
            executable(&run, false, perhaps(""))
        }),
        Case::act("memory.executable", "map_of_file", |stage| {
            let file = stage.file();
            let run = act(stage, &["memory", "map-file"], &[&file])?;
            executable(&run, false, path(&file))
        }),
        Case::act("memory.executable", "protect", |stage| {
            let run = stage.act(&["memory", "protect"])?;
            executable(&run, true, perhaps(""))
        }),
        Case::act("memory.executable", "protect_with_key", |stage| {
            let run = stage.act(&["memory", "protect-key"])?;
            executable(&run, true, perhaps(""))
        }),
        Case::act("memory.userfault", "create", |stage| {
            let run = stage.act(&["memory", "userfault"])?;
            let wanted = [
                ("memory.flags", is(run.number("flags"))),
                ("memory.result", outcome(run.number("result"))),
            ];
            run.expect_times(1, "memory.userfault", &wanted)
        }),
    ]
}

fn memfd(stage: &Stage) -> Played {
    let run = stage.act(&["memory", "memfd", "a quiet name"])?;
    let wanted = [
        ("memory.name", is("a quiet name")),
        ("memory.flags", is(run.number("flags"))),
        ("memory.inode", outcome(run.number("inode"))),
        ("memory.result", outcome(run.number("result"))),
    ];
    run.expect_times(1, "memory.memfd", &wanted)
}

/// What is told of another process: the actor's child.
fn target(run: &Run) -> Vec<(&'static str, Wanted)> {
    vec![
        ("target.pid", is(run.number("target"))),
        (
            "target.start_boottime_ns",
            Wanted::Ticks(run.number("target_start_ticks")),
        ),
        ("target.exe", perhaps(actor().to_str().unwrap())),
        ("target.result", outcome(0)),
    ]
}

fn ptrace(stage: &Stage, request: &str, with_address: bool) -> Played {
    let run = stage.act(&["memory", "trace"])?;
    let mut wanted = target(&run);
    wanted.push(("target.request", is(request)));
    if with_address {
        wanted.push(("target.address", Wanted::Hex(run.number("address"))));
    }
    run.expect_times(1, "memory.ptrace", &wanted)
}

fn executable(run: &Run, changed: bool, file: Wanted) -> Played {
    let (address, length) = (run.number("address"), run.number("length"));
    let mut wanted = vec![
        ("memory.protection", is("rwx")),
        ("memory.changed", is(changed)),
        ("memory.path", file),
    ];
    let record = run.expect("memory.executable", &wanted)?;
    if record["attempt"] == true {
        // Before the act, the kernel has not yet chosen a place for a new mapping, nor cut an old
        // one into what is changed and what stays.
        if changed && !covers(&record["memory"], address, length) {
            return Err(Trouble::Wrong(format!(
                "not {length} from {address:#x}: {record}"
            )));
        }
    } else {
        wanted.push(("memory.address", Wanted::Hex(address)));
        wanted.push(("memory.length", is(length)));
    }
    run.expect_times(1, "memory.executable", &wanted)
}

/// Whether all of this memory is in what a record tells.
fn covers(memory: &Value, address: u64, length: u64) -> bool {
    let start = memory["address"]
        .as_str()
        .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let told = memory["length"].as_u64();
    start
        .zip(told)
        .is_some_and(|(start, told)| start <= address && address + length <= start + told)
}
