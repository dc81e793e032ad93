//! Recordings for tests.

use std::{fs, path::Path};

use sensor_common::{RecordKind, StdioKind};

use super::{
    About, Answer, Answers, Ending, Input, Recording, RecordingError, RecordingFile, Tape, Tick,
    about::{Features, Records},
};
use crate::{
    capture::{
        BootTime, Deed, FoundCgroup, KernelLosses, KindTotals, NoticedAct, ScannedCgroup,
        ScannedProcess, Skipped,
    },
    event::{
        Capabilities, Credentials, FileId, FileSubject, Open, OpenFlags, RecordPath, Rename,
        Symlink, Tgid, Unlink, Unrecorded,
    },
    state::test_support::{exec_facts, process_id},
};

/// A header of this sensor.
pub(crate) fn about() -> About {
    About {
        sensor: String::from(env!("CARGO_PKG_VERSION")),
        kernel: String::from("6.18.0"),
        tier: String::from("tracepoint"),
        unix_seconds: 1_750_000_000,
        started: 5_000_000_000,
        clock_ahead: 1_749_999_995_000_000_000,
        tick: 10_000_000,
        cgroup_hierarchy: Some(0),
        mount_namespace: 4_026_531_841,
        processes: 65_536,
        features: Features::own(),
        records: Records::own(),
    }
}

/// A file that is recorded into.
pub(crate) fn tape(path: &Path) -> Tape {
    let file = RecordingFile::create(path, false).unwrap();
    file.begin(&about()).unwrap()
}

/// The bytes of a recording that is made so.
pub(crate) fn recorded(record: impl FnOnce(&Tape)) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recording");
    let tape = tape(&path);
    record(&tape);
    tape.finish().unwrap();
    fs::read(path).unwrap()
}

/// What is read from bytes until the end or an error: inputs, in their `Debug` form.
pub(crate) fn replayed(bytes: &[u8]) -> (Vec<String>, Result<Ending, RecordingError>) {
    let mut inputs = Vec::new();
    let mut recording = match Recording::read(std::io::Cursor::new(bytes.to_vec())) {
        Ok(recording) => recording,
        Err(error) => return (inputs, Err(error)),
    };
    loop {
        match recording.next_input() {
            Ok(Some(input)) => inputs.push(format!("{input:?}")),
            Ok(None) => return (inputs, Ok(recording.ending().unwrap())),
            Err(error) => return (inputs, Err(error)),
        }
    }
}

/// Numbers of a process.
pub(crate) fn unrecorded(number: u32) -> Unrecorded {
    Unrecorded {
        process: process_id(number, 900),
        kind: RecordKind::FileOpen,
        count: u64::MAX,
        since: BootTime(5),
        until: BootTime(1 << 60),
    }
}

/// An input of every sort.
pub(crate) fn inputs() -> Vec<Input<'static>> {
    let subject = FileSubject {
        path: RecordPath {
            base: b"/tmp",
            path: b"\xff name",
        },
        file: FileId {
            device: 8 << 20 | 1,
            inode: u64::MAX,
        },
        mode: Some(0o100_644),
        result: Some(-13),
    };
    let nothing = FileSubject::default();
    let notice = |deed| Input::Notice {
        time: BootTime(77),
        tgid: Tgid(12),
        act: NoticedAct {
            deed,
            flags: 1 << 10,
        },
    };
    let mut losses = KernelLosses {
        skipped: vec![Skipped {
            program: String::from("sys_exit"),
            times: 3,
        }],
        ..KernelLosses::default()
    };
    let totals = KindTotals {
        seen: 1_000,
        submitted: 900,
        counted: 90,
        excluded: 9,
        lost: 1,
    };
    losses.records.set(RecordKind::CgroupCreate, totals);
    vec![
        Input::Cgroup(ScannedCgroup {
            id: 7,
            path: b"/system.slice".to_vec(),
        }),
        Input::Process(Box::new(ScannedProcess {
            id: process_id(5, 800),
            parent: Tgid(1),
            facts: crate::event::ExecFacts {
                change_time: -1,
                stdio: [StdioKind::Closed, StdioKind::Pipe, StdioKind::Other],
                ..exec_facts()
            },
            credentials: Credentials {
                uid: u32::MAX,
                suid: 4,
                effective: Capabilities(u64::MAX),
                ..Credentials::default()
            },
            exe: b"/bin/x".to_vec(),
            cwd: b"/".to_vec(),
            args: b"x\0y\0".to_vec(),
        })),
        Input::Scanned,
        Input::Record(b"some bytes that came out of a ring"),
        Input::Record(b""),
        notice(Deed::Open(Open {
            subject,
            flags: OpenFlags(1),
            created: true,
            watched: Some(crate::event::Watched::Name),
        })),
        notice(Deed::Unlink(Unlink {
            subject: nothing,
            directory: true,
        })),
        notice(Deed::Rename(Rename {
            subject,
            to: RecordPath {
                base: b"",
                path: b"/x",
            },
            flags: u32::MAX,
        })),
        notice(Deed::Symlink(Symlink {
            subject: nothing,
            leads_to: b"../x",
        })),
        Input::Tick(Box::new(Tick {
            time: BootTime(u64::MAX),
            clock_ahead: i64::MIN,
            file_notices_lost: 4,
            losses,
        })),
        Input::Reading,
    ]
}

/// An answer of every sort.
pub(crate) fn answers() -> Vec<Answer<'static>> {
    vec![
        Answer::Directory {
            asked: b"/a/b",
            led_to: Some(b"/c"),
        },
        Answer::Directory {
            asked: b"/gone",
            led_to: None,
        },
        Answer::Cgroup {
            id: 9,
            found: FoundCgroup::Path(b"/x".to_vec()),
        },
        Answer::Cgroup {
            id: 10,
            found: FoundCgroup::Gone,
        },
        Answer::Cgroup {
            id: 11,
            found: FoundCgroup::Unknown,
        },
        Answer::Unrecorded(unrecorded(1)),
        Answer::Unrecorded(unrecorded(2)),
    ]
}

/// Items of these inputs, each with every answer.
pub(crate) fn items<'a>(inputs: impl IntoIterator<Item = Input<'a>>) -> Vec<u8> {
    items_with(inputs.into_iter().map(|input| (input, answers())))
}

/// Items of inputs, each with its answers.
pub(crate) fn items_with<'a>(
    inputs: impl IntoIterator<Item = (Input<'a>, Vec<Answer<'a>>)>,
) -> Vec<u8> {
    let mut items = Vec::new();
    for (input, answers) in inputs {
        input.put(&mut items);
        for answer in answers {
            answer.put(&mut items);
        }
    }
    items
}

/// Where a directory leads by these answers.
pub(crate) fn follow(answers: &mut Answers, directory: &[u8]) -> Option<Vec<u8>> {
    use crate::capture::FollowDirectory as _;
    let mut led_to = Vec::new();
    answers.follow(directory, &mut led_to).then_some(led_to)
}
