use std::collections::HashSet;

use sensor_common::RecordKind;

use super::*;
use crate::{
    capture::BootTime,
    event::{Act, Event, Exec, Standing},
    state::{
        ProcessTable, TableLimits,
        test_support::{exec_facts, process_id},
    },
};

fn value(row: &Row, name: &str) -> f32 {
    let index = FEATURES
        .iter()
        .position(|feature| feature.name == name)
        .unwrap();
    row[index]
}

#[test]
fn names_are_unique_and_well_formed() {
    let names: HashSet<_> = FEATURES.iter().map(|feature| feature.name).collect();
    assert_eq!(names.len(), COUNT);
    for feature in FEATURES {
        let parts: Vec<_> = feature.name.split('.').collect();
        assert_eq!(parts.len(), 2, "{}", feature.name);
        assert!(feature.clip > 0.0 && !feature.meaning.is_empty());
    }
}

#[test]
fn an_exec_from_memory_shows_in_its_row() {
    let mut table = ProcessTable::new(TableLimits::default(), 1);
    let id = process_id(10, 1_000_000_000);
    let mut facts = exec_facts();
    facts.memfd = true;
    facts.tmpfs = true;
    facts.change_time = 990;
    facts.stdio[0] = sensor_common::StdioKind::Socket;
    let act = Act::Exec(Exec {
        parent: process_id(1, 0),
        facts,
        exe: b"memfd:x",
        cwd: b"/",
        filename: b"/proc/self/fd/3",
        args: b"x\0-i\0",
        args_total: 5,
    });
    let time = BootTime(2_000_000_000);
    table.apply(
        &Event {
            time,
            process: id,
            tid: 10,
            flags: 0,
            standing: Standing::default(),
            act,
        },
        b"",
        b"",
    );
    let now = BootTime(5_000_000_000);
    let context = Context::new(&table, id, Moment::Exec, now, 1_000, false).unwrap();
    let row = extract(&context);
    for (name, expected) in [
        ("exe.memfd", 1.0),
        ("exe.deleted", 0.0),
        ("stdin.socket", 1.0),
        ("stdin.terminal", 0.0),
        ("user.root", 1.0),
        ("moment.behaviour", 0.0),
        ("args.count", 2f32.ln_1p()),
        ("exe.age", 10f32.ln_1p()),
        ("process.age", 3f32.ln_1p()),
    ] {
        assert!(
            (value(&row, name) - expected).abs() < 1e-5,
            "{name}: {}",
            value(&row, name)
        );
    }
}

#[test]
fn every_value_stays_within_its_clip() {
    let mut table = ProcessTable::new(TableLimits::default(), 1);
    let id = process_id(10, 0);
    table.apply(
        &Event {
            time: BootTime(0),
            process: id,
            tid: 10,
            flags: 0,
            standing: Standing::default(),
            act: Act::Fork(crate::event::Fork {
                parent: process_id(1, 0),
                creator: crate::event::Tgid(1),
                flags: 0,
            }),
        },
        b"",
        b"",
    );
    let process = table.get_mut(id).unwrap();
    let far = BootTime(u64::MAX);
    for kind in [RecordKind::FileOpen, RecordKind::FileUnlink] {
        process.own.unrecorded(kind, u64::MAX, far);
        process.descendants.unrecorded(kind, u64::MAX, far);
    }
    let context = Context::new(&table, id, Moment::Behaviour, far, i64::MAX, true).unwrap();
    let row = extract(&context);
    for (value, feature) in row.iter().zip(FEATURES) {
        assert!(
            (0.0..=feature.clip).contains(value),
            "{}: {value}",
            feature.name
        );
    }
    for name in ["own.opens", "tree.unlinks", "own.open_rate"] {
        assert!(value(&row, name) >= 10.0, "{name}");
    }
}

#[test]
fn a_schema_difference_is_told_in_words() {
    let own = Schema::own();
    assert_eq!(own.sha256.len(), 64);
    assert!(own.difference(&own).is_empty());

    let mut other = own.clone();
    other.features.remove(3);
    other.features.push(String::from("exe.colour"));
    other.version = 9;
    let text = own.difference(&other).join("\n");
    assert!(
        text.contains("version: sensor has 3, model has 9"),
        "{text}"
    );
    assert!(text.contains("exe.deleted: missing in the model"), "{text}");
    assert!(
        text.contains("exe.colour: not known to the sensor"),
        "{text}"
    );

    other.features.clear();
    let lines = own.difference(&other);
    let more = format!("{} features more: missing in the model", COUNT - 12);
    assert_eq!(lines.last(), Some(&more));

    let mut swapped = own.clone();
    swapped.features.swap(0, 1);
    assert!(own.difference(&swapped)[0].contains("another order"));
}
