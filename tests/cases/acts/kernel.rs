//! The kernel itself.

use std::{fs, path::Path};

use crate::{
    case::{Case, Played, Tier, Trouble},
    file::{act, known},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, outcome, path},
};

const SETTING: &str = "/proc/sys/kernel/core_pattern";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::act("kernel.module", "finit_module", module),
        Case::act("kernel.bpf", "map", |stage| {
            let run = stage.act(&["kernel", "map"])?;
            bpf(&run, "BPF_MAP_CREATE", 2, "sensor_test_map")
        }),
        Case::act("kernel.bpf", "program", |stage| {
            let run = stage.act(&["kernel", "program"])?;
            bpf(&run, "BPF_PROG_LOAD", 1, "sensor_test_run")
        }),
        Case::act("kernel.perf", "open", |stage| {
            let run = stage.act(&["kernel", "perf"])?;
            let wanted = [
                ("kernel.type", is(1)),
                ("kernel.config", Wanted::Hex(3)),
                ("kernel.pid", outcome(0)),
                ("kernel.cpu", outcome(-1)),
                ("kernel.result", outcome(run.facts()["result"].clone())),
            ];
            run.expect_times(1, "kernel.perf", &wanted)
        }),
        Case::act("kernel.kexec", "load", |stage| {
            let run = stage.act(&["kernel", "kexec"])?;
            let wanted = [
                ("kernel.command", is("kexec_load")),
                ("kernel.flags", is(0)),
                ("kernel.result", outcome(run.facts()["result"].clone())),
            ];
            run.expect_times(1, "kernel.kexec", &wanted)
        }),
        Case::act("kernel.io_uring", "setup", ring),
        Case::act("kernel.setting", "core_pattern", |stage| {
            setting(stage, SETTING)
        }),
        Case::evasion(
            "setting opened below /proc/self/root",
            "kernel.setting",
            |stage| setting(stage, &format!("/proc/self/root{SETTING}")),
        ),
        Case::act("kernel.device", "open", device),
        Case::evasion("device opened by another name", "kernel.device", other_node),
        Case::act("kernel.audit", "set", audit).unseen_in(&[Tier::Tracepoint], "audit"),
    ]
}

/// A module that this kernel has and does not use.
fn module(stage: &Stage) -> Played {
    let loaded = fs::read_to_string("/proc/modules").unwrap_or_default();
    let found = fs::read_dir("/modules")
        .into_iter()
        .flatten()
        .find_map(|entry| {
            let path = entry.ok()?.path();
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".ko")?
                .replace('-', "_");
            let free = !loaded
                .lines()
                .any(|line| line.split(' ').next() == Some(&name));
            free.then_some((path, name))
        });
    let Some((file, name)) = found else {
        return Err(Trouble::Impossible(
            "no module to load in /modules".to_owned(),
        ));
    };
    let run = act(stage, &["kernel", "module"], &[&file])?;
    let result = run.facts()["result"].as_i64().unwrap();
    if result == 0 {
        let flags = libc::O_NONBLOCK;
        let name = std::ffi::CString::new(name.as_str()).unwrap();
        rustix::system::delete_module(&name, flags).unwrap();
    } else if result != -i64::from(libc::EINVAL) {
        return Err(Trouble::Wrong(format!("{}: {result}", file.display())));
    }
    run.expect_times(1, "kernel.module", &[("kernel.name", is(name))])
}

fn bpf(run: &Run, command: &str, kind: u64, name: &str) -> Played {
    let wanted = [
        ("kernel.command", is(command)),
        ("kernel.type", is(kind)),
        ("kernel.name", is(name)),
        ("kernel.result", outcome(run.facts()["result"].clone())),
    ];
    run.expect_times(1, "kernel.bpf", &wanted)
}

fn ring(stage: &Stage) -> Played {
    let run = stage.act(&["kernel", "ring"])?;
    let record = run.expect(
        "kernel.io_uring",
        &[
            ("kernel.flags", is(0)),
            ("kernel.result", outcome(run.facts()["result"].clone())),
        ],
    )?;
    // As asked for, or as the kernel rounded it.
    let said = &record["kernel"]["entries"];
    let right = ["asked", "entries"]
        .iter()
        .any(|fact| said == &run.facts()[*fact]);
    if right {
        Ok(())
    } else {
        Err(Trouble::Wrong(format!("{said} entries: {record}")))
    }
}

fn setting(stage: &Stage, asked: &str) -> Played {
    let run = stage.act(&["kernel", "setting", asked])?;
    let mut wanted = known(&run, Path::new(SETTING));
    wanted.push(("file.flags", Wanted::Bits(1)));
    run.expect_times(1, "kernel.setting", &wanted)
}

/// Opens a device, and expects to be told when the kernel lets it.
fn open_device(stage: &Stage, arguments: &[&str], name: &Path) -> Played {
    let run = stage.act(arguments)?;
    let wanted = [
        ("file.path", path(name)),
        ("file.represents", is(run.facts()["represents"].clone())),
        ("file.inode", is(run.number("inode"))),
    ];
    let told = run.expect_times(1, "kernel.device", &wanted);
    match (told, run.facts()["result"].as_i64()) {
        // Refused before there was anything to tell.
        (Err(Trouble::Missing(_)), Some(error)) if error < 0 => {
            let error = rustix::io::Errno::from_raw_os_error(-i32::try_from(error).unwrap());
            Err(Trouble::Impossible(format!("{}: {error}", name.display())))
        }
        (told, _) => told,
    }
}

fn device(stage: &Stage) -> Played {
    let memory = Path::new("/dev/mem");
    if memory.exists() {
        return open_device(stage, &["devices", "open", "/dev/mem"], memory);
    }
    let node = stage.directory().join("mem");
    let name = node.to_str().unwrap();
    open_device(stage, &["devices", "make", name, "c", "1", "1"], &node)
}

/// A node that is called something else, and is the machine's memory.
fn other_node(stage: &Stage) -> Played {
    let node = stage.directory().join("notes.txt");
    let name = node.to_str().unwrap();
    open_device(stage, &["devices", "make", name, "c", "1", "1"], &node)
}

fn audit(stage: &Stage) -> Played {
    let run = stage.act(&["kernel", "audit"])?;
    if run.facts()["mask"].is_null() {
        let why = format!("the kernel has no audit system: {}", run.facts()["result"]);
        return Err(Trouble::Impossible(why));
    }
    let wanted = [
        ("kernel.command", is("AUDIT_SET")),
        ("kernel.mask", is(run.number("mask"))),
    ];
    run.expect_times(1, "kernel.audit", &wanted)
}
