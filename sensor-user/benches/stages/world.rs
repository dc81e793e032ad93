//! A process table as a server has it.

use anyhow::{Context as _, Result};
use sensor_common::RecordKind;
use sensor_user::{
    capture::{BootTime, decode},
    event::{ProcessId, Tgid},
    state::{ProcessTable, TableLimits},
};

use crate::wire::{Actor, record};

/// Live processes.
const PROCESSES: u32 = 1_000;
/// Each process's parent is this many numbers before it: lineages of about eight.
const DISTANCE: u32 = 125;
/// Resolution of start times, as Linux has it on most machines.
const TICK: u64 = 10_000_000;
const SECOND: u64 = 1_000_000_000;

/// The process whose acts are measured, at the end of a lineage.
pub(crate) fn actor() -> Actor {
    of_number(PROCESSES)
}

/// The same as the agent's stages have it.
pub(crate) fn actor_id() -> ProcessId {
    ProcessId {
        tgid: Tgid(PROCESSES),
        start: BootTime(actor().start),
    }
}

fn of_number(number: u32) -> Actor {
    let start = |number: u32| u64::from(number) * SECOND + 12_345;
    let parent = number.saturating_sub(DISTANCE).max(1);
    Actor {
        number,
        start: start(number),
        parent,
        parent_start: start(parent),
        time: start(number) + SECOND,
    }
}

/// The table, every process of which was forked and runs a program.
pub(crate) fn table() -> Result<ProcessTable> {
    let mut table = ProcessTable::new(TableLimits::default(), TICK);
    for number in 1..=PROCESSES {
        for kind in [RecordKind::ProcessFork, RecordKind::ProcessExec] {
            let bytes = record(kind, of_number(number));
            let event = decode(&bytes).context("decode a record that the bench made")?;
            table.apply(&event, &[], &[]);
        }
    }
    Ok(table)
}
