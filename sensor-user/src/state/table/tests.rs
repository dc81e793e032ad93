use sensor_common::RecordKind;

use super::*;
use crate::{
    capture::BootTime,
    event::{
        Act, Capabilities, CredentialChange, Event, Exec, ExecFacts, Exit, ExitStatus, FileId,
        FileSubject, Fork, Open, OpenFlags, RecordPath, Setting, Signal, Target, Unrecorded, Write,
    },
    state::{
        Count,
        test_support::{exec_facts, process_id},
    },
};

const TICK: u64 = 10_000_000;

fn table() -> ProcessTable {
    ProcessTable::new(
        TableLimits {
            processes: 16,
            ended: 4,
        },
        TICK,
    )
}

fn event(process: ProcessId, time: u64, act: Act<'_>) -> Event<'_> {
    Event {
        time: BootTime(time),
        process,
        tid: process.tgid.0,
        flags: 0,
        standing: Standing::default(),
        act,
    }
}

/// Later than everything in these tests, and in the same window.
const LATER: BootTime = BootTime(1_000_000_000);

fn own(process: &Process, count: Count) -> u32 {
    process.own.count(count, LATER)
}

fn tree(process: &Process, count: Count) -> u32 {
    process.descendants.count(count, LATER)
}

fn open(flags: u32, created: bool) -> Act<'static> {
    Act::Open(Open {
        subject: FileSubject {
            path: RecordPath {
                base: b"",
                path: b"/tmp/x",
            },
            file: FileId {
                device: 1,
                inode: 77,
            },
            ..FileSubject::default()
        },
        flags: OpenFlags(flags),
        created,
        watched: None,
    })
}

fn fork(table: &mut ProcessTable, parent: ProcessId, child: ProcessId) {
    let act = Act::Fork(Fork {
        parent,
        creator: parent.tgid,
        flags: 0,
    });
    table.apply(&event(child, child.start.0, act), b"", b"");
}

fn exec(table: &mut ProcessTable, id: ProcessId, parent: ProcessId, exe: &[u8], inode: u64) {
    let act = Act::Exec(Exec {
        parent,
        facts: ExecFacts {
            file: FileId { device: 1, inode },
            ..exec_facts()
        },
        exe,
        cwd: b"/",
        filename: exe,
        args: exe,
        args_total: 4,
    });
    table.apply(&event(id, id.start.0 + 1, act), b"", b"");
}

fn exit(table: &mut ProcessTable, id: ProcessId) -> Applied {
    let act = Act::Exit(Exit {
        parent: Tgid(1),
        status: ExitStatus::Code(0),
    });
    table.apply(&event(id, id.start.0 + 2, act), b"", b"")
}

fn scanned(number: u32, start: u64, parent: u32) -> ScannedProcess {
    ScannedProcess {
        id: process_id(number, start),
        parent: Tgid(parent),
        facts: exec_facts(),
        credentials: Credentials {
            suid: 3,
            ..Credentials::default()
        },
        exe: b"/bin/old".to_vec(),
        cwd: b"/".to_vec(),
        args: b"old\0".to_vec(),
    }
}

#[test]
fn a_child_runs_its_parents_program_until_it_runs_its_own() {
    let mut table = table();
    let (shell, child) = (process_id(10, 100), process_id(11, 200));
    exec(&mut table, shell, process_id(1, 0), b"/bin/sh", 5);
    fork(&mut table, shell, child);
    assert_eq!(
        &*table.get(child).unwrap().image.as_ref().unwrap().exe,
        b"/bin/sh"
    );
    exec(&mut table, child, shell, b"/bin/ls", 6);
    assert_eq!(
        &*table.get(child).unwrap().image.as_ref().unwrap().exe,
        b"/bin/ls"
    );
    let lineage: Vec<u32> = table
        .ancestors(child)
        .map(|process| process.id.tgid.0)
        .collect();
    assert_eq!(lineage, [10]);
}

#[test]
fn a_reused_number_is_another_process() {
    let mut table = table();
    let (first, second) = (process_id(10, 100), process_id(10, 9_000));
    exec(&mut table, first, process_id(1, 0), b"/bin/a", 5);
    exit(&mut table, first);
    fork(&mut table, process_id(1, 0), second);
    assert_eq!(
        &*table.get(first).unwrap().image.as_ref().unwrap().exe,
        b"/bin/a"
    );
    assert!(table.get(second).unwrap().image.is_none());
}

#[test]
fn a_process_that_is_forked_again_after_its_end_counts_as_live() {
    let mut table = table();
    let (parent, child) = (process_id(1, 1), process_id(2, 10));
    fork(&mut table, parent, child);
    let live = table.live();
    for _ in 0..3 {
        exit(&mut table, child);
        assert_eq!(table.live(), live - 1);
        fork(&mut table, parent, child);
        assert_eq!(table.live(), live);
    }
    // Others that end push out the earliest ended, which it no longer is.
    for number in 10..20 {
        let other = process_id(number, 20);
        fork(&mut table, parent, other);
        exit(&mut table, other);
    }
    assert!(table.get(child).is_some());
    assert_eq!(table.live(), live);
}

#[test]
fn a_second_exit_is_no_news() {
    let mut table = table();
    let id = process_id(10, 100);
    fork(&mut table, process_id(1, 0), id);
    assert_eq!(exit(&mut table, id), Applied::End);
    assert_eq!(exit(&mut table, id), Applied::Repeated);
}

#[test]
fn acts_are_gathered_in_parent_and_grandparent() {
    let mut table = table();
    let ids = [
        process_id(10, 100),
        process_id(11, 200),
        process_id(12, 300),
        process_id(13, 400),
    ];
    for pair in ids.windows(2) {
        fork(&mut table, pair[0], pair[1]);
    }
    table.apply(&event(ids[3], 500, open(0, true)), b"/tmp/x", b"");
    let opens = |id| {
        let process = table.get(id).unwrap();
        (own(process, Count::Opens), tree(process, Count::Opens))
    };
    assert_eq!(opens(ids[3]), (1, 0));
    assert_eq!(opens(ids[2]), (0, 1));
    assert_eq!(opens(ids[1]), (0, 1));
    assert_eq!(opens(ids[0]), (0, 0));
}

#[test]
fn a_program_written_by_a_sibling_comes_from_the_tree() {
    let mut table = table();
    let (shell, writer, runner) = (
        process_id(10, 100),
        process_id(11, 200),
        process_id(12, 300),
    );
    fork(&mut table, shell, writer);
    fork(&mut table, shell, runner);
    table.apply(&event(writer, 210, open(1, false)), b"/tmp/x", b"");
    exec(&mut table, runner, shell, b"/tmp/x", 77);
    assert!(table.get(runner).unwrap().executable_from_tree);
    exec(&mut table, runner, shell, b"/bin/ls", 78);
    assert!(!table.get(runner).unwrap().executable_from_tree);
}

#[test]
fn a_scanned_process_takes_its_exact_start_from_the_first_record() {
    let mut table = table();
    let rounded = process_id(10, 5 * TICK);
    let exact = process_id(10, 5 * TICK + 1_234);
    let child = process_id(20, 7 * TICK);
    assert!(table.insert_scanned(&scanned(10, 5 * TICK, 1)));
    assert!(table.insert_scanned(&scanned(20, 7 * TICK, 10)));
    assert!(!table.insert_scanned(&scanned(10, 5 * TICK, 1)));
    fork(&mut table, exact, process_id(30, 9 * TICK));
    assert_eq!(exit(&mut table, exact), Applied::End);
    assert_eq!(table.get(exact).unwrap().id, exact);
    assert!(table.get(rounded).is_none());
    assert_eq!(table.get(child).unwrap().parent, Some(exact));
    assert_eq!(
        &*table
            .get(process_id(30, 9 * TICK))
            .unwrap()
            .image
            .as_ref()
            .unwrap()
            .exe,
        b"/bin/old"
    );
}

#[test]
fn the_table_is_bounded_and_says_what_it_left_out() {
    let mut table = table();
    for number in 0..10 {
        let id = process_id(100 + number, 1_000);
        fork(&mut table, process_id(1, 0), id);
        exit(&mut table, id);
    }
    assert!(table.ended.len() <= 4);
    for number in 0..40 {
        fork(
            &mut table,
            process_id(1, 0),
            process_id(200 + number, 2_000),
        );
    }
    assert_eq!(table.processes.len(), 16);
    assert!(table.overflowed() > 0);
    assert!(table.by_number.len() <= 16 + 1);
}

#[test]
fn the_reading_of_a_watched_file_is_told_from_a_write() {
    let mut table = table();
    let id = process_id(10, 100);
    let read = table.apply(&event(id, 200, open(0, false)), b"/etc/shadow", b"");
    assert_eq!(read, Applied::Behaviour);
    let written = table.apply(&event(id, 201, open(2, false)), b"/tmp/x", b"");
    assert_eq!(written, Applied::Behaviour);
    let process = table.get(id).unwrap();
    let counts = [Count::SecretReads, Count::Opens];
    assert_eq!(counts.map(|count| own(process, count)), [1, 1]);
    assert_eq!(process.own.acts, 2);
}

#[test]
fn unrecorded_acts_count_for_who_is_known_and_make_nobody_live() {
    let mut table = table();
    let (shell, worker) = (process_id(10, 100), process_id(11, 110));
    exec(&mut table, shell, process_id(1, 1), b"/bin/sh", 1);
    fork(&mut table, shell, worker);
    let acts = |process| Unrecorded {
        process,
        kind: RecordKind::FileUnlink,
        count: 40,
        since: BootTime(200),
        until: BootTime(300),
    };
    assert_eq!(table.apply_unrecorded(&acts(worker)), Applied::Behaviour);
    assert_eq!(own(table.get(worker).unwrap(), Count::Unlinks), 40);
    assert_eq!(tree(table.get(shell).unwrap(), Count::Unlinks), 40);
    let live = table.live();
    let stranger = process_id(99, 990);
    assert_eq!(table.apply_unrecorded(&acts(stranger)), Applied::Noted);
    assert!(table.get(stranger).is_none());
    assert_eq!(table.live(), live);
}

#[test]
fn a_setting_is_a_file_that_is_opened() {
    let mut table = table();
    let id = process_id(10, 100);
    for (flags, opens) in [(0, 0), (1, 1)] {
        let act = Act::Setting(Setting {
            subject: FileSubject::default(),
            flags: OpenFlags(flags),
        });
        table.apply(&event(id, 200, act), b"/proc/sys/kernel/core_pattern", b"");
        let process = table.get(id).unwrap();
        assert_eq!(own(process, Count::Opens), opens);
        assert_eq!(own(process, Count::Settings), opens + 1);
    }
}

#[test]
fn acts_on_relatives_are_told_from_acts_on_others() {
    let mut table = table();
    let (shell, child, other) = (
        process_id(10, 100),
        process_id(11, 110),
        process_id(12, 120),
    );
    fork(&mut table, process_id(1, 0), shell);
    fork(&mut table, shell, child);
    fork(&mut table, process_id(1, 0), other);
    let signal = |process| {
        Act::Signal(Signal {
            target: Target {
                process,
                from_argument: false,
                result: None,
            },
            number: 9,
        })
    };
    for target in [shell, child, process_id(0, 0), process_id(u32::MAX, 0)] {
        assert_eq!(
            table.apply(&event(shell, 200, signal(target)), b"", b""),
            Applied::Noted
        );
    }
    table.apply(&event(shell, 201, signal(other)), b"", b"");
    table.apply(&event(child, 202, signal(shell)), b"", b"");
    assert_eq!(own(table.get(shell).unwrap(), Count::Signals), 1);
    assert_eq!(own(table.get(child).unwrap(), Count::Signals), 1);
}

#[test]
fn an_act_that_failed_is_not_counted() {
    let mut table = table();
    let id = process_id(10, 100);
    for (result, counted) in [(Some(-13), 0), (Some(0), 1), (None, 2)] {
        let act = Act::Unlink(crate::event::Unlink {
            subject: FileSubject {
                result,
                ..FileSubject::default()
            },
            directory: false,
        });
        table.apply(&event(id, 200, act), b"/tmp/x", b"");
        let process = table.get(id).unwrap();
        assert_eq!(own(process, Count::Unlinks), counted, "{result:?}");
    }
}

#[test]
fn any_act_makes_its_process_known_with_its_standing() {
    let mut table = table();
    let id = process_id(10, 100);
    let mut act = event(
        id,
        200,
        Act::Write(Write {
            subject: FileSubject::default(),
        }),
    );
    act.standing = Standing {
        euid: 4,
        capabilities: Capabilities(8),
        cgroup_id: 15,
        mount_namespace: 16,
    };
    assert_eq!(table.apply(&act, b"", b""), Applied::Noted);
    let process = table.get(id).unwrap();
    assert_eq!(process.standing, Some(act.standing));
    assert_eq!(process.own, crate::state::Behaviour::default());
    assert_eq!(table.newest(id.tgid).unwrap().id, id);

    // A fork tells of the child.
    let child = process_id(11, 300);
    fork(&mut table, id, child);
    assert_eq!(table.get(id).unwrap().standing, Some(act.standing));
    assert_eq!(
        table.get(child).unwrap().standing,
        Some(Standing::default())
    );
}

#[test]
fn credentials_are_those_of_one_thread_until_the_next_program() {
    let mut table = table();
    let id = process_id(10, 5 * TICK);
    table.insert_scanned(&scanned(10, 5 * TICK, 1));
    assert_eq!(table.credentials(id, 10).map(|known| known.suid), Some(3));
    assert_eq!(table.credentials(id, 11), None);

    let after = Credentials {
        euid: 8,
        suid: 9,
        ..Credentials::default()
    };
    let change = Act::Credentials(CredentialChange {
        after,
        before: None,
    });
    table.apply(&event(id, 200, change), b"", b"");
    assert_eq!(table.credentials(id, 10), Some(after));
    let standing = table.get(id).unwrap().standing.unwrap();
    assert_eq!(standing.euid, 8);
    exec(&mut table, id, process_id(1, 0), b"/bin/a", 5);
    assert_eq!(table.credentials(id, 10), None);
}
