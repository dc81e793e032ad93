//! Processes that were there before the sensor, and those that start while it
//! starts: each is seen exactly once.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    collections::{HashMap, HashSet},
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sensor_tests::{Sensor, actor, args_of};

#[test]
fn existing_processes_are_in_the_snapshot() {
    let mut sleeper = Command::new("/bin/sleep")
        .arg("601")
        .current_dir("/usr")
        .spawn()
        .unwrap();
    let pid = sleeper.id();
    let mut sensor = Sensor::start(&[]);
    let record = sensor.wait_for_act("process.snapshot", pid, |_| true);
    assert_eq!(args_of(&record), ["/bin/sleep", "601"]);
    assert_eq!(record["process"]["cwd"], "/usr");
    assert_eq!(record["process"]["parent"]["pid"], std::process::id());
    let exe = std::fs::canonicalize("/bin/sleep").unwrap();
    assert_eq!(record["process"]["exe"], exe.to_str().unwrap());

    // Its end is told of the same process, now with the kernel's exact start.
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let exit = sensor.wait_for_act("process.exit", pid, |_| true);
    assert_eq!(args_of(&exit), ["/bin/sleep", "601"]);
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
    let exact = exit["process"]["start_boottime_ns"].as_u64().unwrap();
    let rounded = record["process"]["start_boottime_ns"].as_u64().unwrap();
    assert_eq!(exact - exact % tick, rounded);
}

#[test]
fn nothing_is_missed_or_doubled_while_the_sensor_starts() {
    let stop = Arc::new(AtomicBool::new(false));
    let starter = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let mut alive: Vec<(usize, Child)> = Vec::new();
            let mut started = 0;
            while !stop.load(Ordering::Relaxed) {
                let child = Command::new("/bin/sleep")
                    .args(["600", &format!("{started}s")])
                    .spawn()
                    .unwrap();
                alive.push((started, child));
                started += 1;
                // Some end at once, some live on, some end later.
                if started % 3 == 0 {
                    let (_, mut child) = alive.remove(alive.len() / 2);
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
                // Bounded, whatever the speed of the machine.
                if alive.len() > 400 {
                    let (_, mut child) = alive.remove(0);
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
            }
            alive
        }
    });
    let mut sensor = Sensor::start(&[]);
    // A mark in the stream: whatever started before it was handled before it.
    let mut mark = Command::new(actor()).args(["exit", "0"]).spawn().unwrap();
    mark.wait().unwrap();
    sensor.wait_for_act("process.exec", mark.id(), |_| true);
    stop.store(true, Ordering::Relaxed);
    let mut alive = starter.join().unwrap();
    let mut mark = Command::new(actor()).args(["exit", "0"]).spawn().unwrap();
    mark.wait().unwrap();
    sensor.wait_for_act("process.exec", mark.id(), |_| true);
    let finished = sensor.stop();

    // Introduced: by its own fork, or by the snapshot; never by both.
    let mut introductions: HashMap<(u64, u64), usize> = HashMap::new();
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
    let identity = |record: &serde_json::Value| {
        let start = record["process"]["start_boottime_ns"].as_u64().unwrap();
        (record["process"]["pid"].as_u64().unwrap(), start / tick)
    };
    for kind in ["process.snapshot", "process.fork"] {
        for record in finished.records.of_kind(kind) {
            *introductions.entry(identity(record)).or_default() += 1;
        }
    }
    let doubled: Vec<_> = introductions
        .iter()
        .filter(|(_, count)| **count != 1)
        .collect();
    assert!(doubled.is_empty(), "introduced more than once: {doubled:?}");
    let introduced: HashSet<u64> = introductions.keys().map(|(pid, _)| *pid).collect();
    assert!(alive.len() > 10);
    for (_, child) in &alive {
        assert!(
            introduced.contains(&u64::from(child.id())),
            "{} was missed",
            child.id()
        );
    }
    for (_, child) in &mut alive {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(finished.records.summary()["lost"], 0);
}
