//! A recording, as a file and as the items of its frames.

use std::{fs, io::Cursor};

use sensor_common::RecordKind;
use sensor_user::{
    capture::{BootTime, Deed, FoundCgroup, NoticedAct, ScannedCgroup},
    event::{FileSubject, Open, OpenFlags, ProcessId, RecordPath, Tgid, Unrecorded},
    recording::{
        About, Answer, Ending, Features, Frames, Input, RAW_MAX, Recording, RecordingFile, Records,
        Tape, Tick,
    },
};

use crate::{TICK, actor, wire};

/// First byte of an input that is a file; every other one is that of items.
const FILE: u8 = 0;
const ITEMS: u8 = 1;

fn about() -> About {
    About {
        sensor: String::from("0.0.0"),
        kernel: String::from("6.18.0"),
        tier: String::from("tracepoint"),
        unix_seconds: 1_750_000_000,
        started: 5_000_000_000,
        clock_ahead: 1_749_999_995_000_000_000,
        tick: TICK,
        cgroup_hierarchy: Some(0),
        mount_namespace: 4_026_531_841,
        processes: 1_024,
        features: Features::own(),
        records: Records::own(),
    }
}

/// A short recording of inputs and answers.
fn record(tape: &Tape) {
    tape.input(&Input::Cgroup(ScannedCgroup {
        id: 7,
        path: b"/system.slice".to_vec(),
    }));
    tape.input(&Input::Scanned);
    for kind in [
        RecordKind::ProcessFork,
        RecordKind::ProcessExec,
        RecordKind::FileOpen,
    ] {
        tape.input(&Input::Record(&wire::record(kind, actor(3))));
        tape.answer(&Answer::Cgroup {
            id: 70,
            found: FoundCgroup::Path(b"/x".to_vec()),
        });
    }
    tape.flush();
    tape.answer(&Answer::Directory {
        asked: b"/a",
        led_to: Some(b"/b"),
    });
    let subject = FileSubject {
        path: RecordPath {
            base: b"/tmp",
            path: b"x",
        },
        mode: Some(0o100_644),
        result: Some(0),
        ..FileSubject::default()
    };
    tape.input(&Input::Notice {
        time: BootTime(6_000_000_000),
        tgid: Tgid(3),
        act: NoticedAct {
            deed: Deed::Open(Open {
                subject,
                flags: OpenFlags(1),
                created: true,
                watched: None,
            }),
            flags: 0,
        },
    });
    tape.input(&Input::Tick(Box::new(Tick {
        time: BootTime(7_000_000_000),
        clock_ahead: -5,
        ..Tick::default()
    })));
    tape.unrecorded(&[Unrecorded {
        process: ProcessId {
            tgid: Tgid(3),
            start: BootTime(5),
        },
        kind: RecordKind::FileOpen,
        count: 1_000,
        since: BootTime(5),
        until: BootTime(7_000_000_000),
    }]);
    tape.input(&Input::Reading);
}

/// A recording, and the items of each of its frames.
///
/// # Panics
///
/// When the folder for temporary files takes none.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let path = std::env::temp_dir().join(format!("sensor-fuzz-{}", std::process::id()));
    let file = RecordingFile::create(&path, true).expect("a file can be made");
    let tape = file.begin(&about()).expect("a recording can be begun");
    record(&tape);
    tape.finish().expect("a recording can be ended");
    let bytes = fs::read(&path).expect("what was written can be read");
    let _ = fs::remove_file(&path);
    let mut seeds = vec![[&[FILE][..], &bytes].concat()];
    let (_, mut frames) = Frames::open(Cursor::new(bytes)).expect("it is a recording");
    while let Some(items) = frames.next_frame().expect("it is whole") {
        seeds.push([&[ITEMS][..], &items].concat());
    }
    seeds
}

/// Whatever the file is, reading ends, and gives no more than the file holds.
pub fn check(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let recording = if first == FILE {
        Recording::read(Cursor::new(rest.to_vec()))
    } else if rest.len() <= RAW_MAX {
        Ok(Recording::of_frames(about(), vec![rest.to_vec()]))
    } else {
        return;
    };
    let Ok(mut recording) = recording else { return };
    let mut held = 0;
    loop {
        match recording.next_input() {
            Ok(Some(Input::Record(record))) => held += record.len(),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    if first != FILE {
        assert!(held <= rest.len(), "records of {held} bytes");
        let inputs = recording.inputs();
        assert!(inputs <= rest.len() as u64, "{inputs} inputs");
    }
    match recording.ending() {
        // What was given as a frame is one, even without a byte in it.
        Some(Ending::Whole(totals)) => assert!(totals.frames <= rest.len().max(1) as u64),
        Some(Ending::Cut { offset, .. }) => assert!(offset <= rest.len() as u64),
        None => panic!("it ended without an end"),
    }
}
