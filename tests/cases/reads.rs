//! What is opened only to be read has no record: its numbers are exact, process by
//! process.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{fs, process::Command};

use sensor_tests::{actor, workplace};
use sensor_user::{
    capture::{Channels, HookStatus, Kernel, KernelOptions, Reader, Tier, Watches},
    event::Tgid,
    policy::Config,
};
use serde_json::Value;

/// Files and directories that a process read, by the kernel's numbers.
fn read_by(channels: &mut Channels, pid: u32, verdict: Reader) -> Option<(u64, u64)> {
    let mut found = None;
    channels.reads.all(|process, reads| {
        if process.tgid != Tgid(pid) {
            return Reader::Unknown;
        }
        found = Some(reads.map_or((0, 0), |reads| (reads.files, reads.directories)));
        verdict
    });
    found
}

/// Has the actor read a file and list a directory so often, half of it in a second
/// thread. Returns who it was.
fn reader(files: u32, directories: u32) -> u32 {
    let (_guard, place) = workplace();
    let file = place.join("file");
    fs::write(&file, "words").unwrap();
    let output = Command::new(actor())
        .args(["file", "read-many"])
        .args([&file, &place])
        .args([files.to_string(), directories.to_string()])
        .output()
        .unwrap();
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    u32::try_from(facts["pid"].as_u64().unwrap()).unwrap()
}

#[test]
fn every_file_and_directory_that_a_process_reads_is_counted() {
    let wanted = std::env::var("SENSOR_TIER").unwrap_or_default();
    let tier = Tier::ALL.into_iter().find(|tier| tier.name() == wanted);
    // The rings are waited for by a runtime.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _context = runtime.enter();
    let options = KernelOptions {
        tier,
        watches: Watches {
            names: Config::default().watch_names,
            ..Watches::default()
        },
        ..KernelOptions::default()
    };
    let (kernel, mut channels) = Kernel::load(&options).unwrap();
    // None of these is refused by its tier, to be seen by a lower one.
    for kind in ["file.open", "file.times"] {
        let mut reports = kernel.reports().iter();
        let report = reports.find(|report| report.kinds.contains(&kind)).unwrap();
        assert_eq!(report.status, HookStatus::Attached, "{report:?}");
        assert_eq!(report.tier, kernel.tier(), "{report:?}");
    }

    // What the program needs to start, whatever that is.
    let few = reader(0, 0);
    let (files, directories) = read_by(&mut channels, few, Reader::Known).unwrap();
    let many = reader(138, 24);
    let expected = (files + 138, directories + 24);
    // As long as nobody knows of the process nothing is taken from it.
    for verdict in [Reader::Unknown, Reader::Unknown, Reader::Known] {
        assert_eq!(read_by(&mut channels, many, verdict), Some(expected));
    }
    // Told once, and forgotten after its end.
    assert_eq!(read_by(&mut channels, many, Reader::Ended), Some((0, 0)));
    assert_eq!(read_by(&mut channels, many, Reader::Ended), None);
    assert_eq!(read_by(&mut channels, few, Reader::Known), Some((0, 0)));

    // This process is the agent.
    fs::read("/proc/self/status").unwrap();
    assert_eq!(
        read_by(&mut channels, std::process::id(), Reader::Known),
        None
    );
}
