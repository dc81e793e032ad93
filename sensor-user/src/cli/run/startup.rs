use std::collections::HashSet;

use super::pipeline::Pipeline;
use crate::{
    capture::{CgroupHierarchy, ListenerMap, Rings, decode, scan, scan_cgroups, tick_nanoseconds},
    event::{Act, Tgid},
    recording::Input,
};

/// Takes in the cgroups and processes that were there before the sensor, without
/// a gap and without doubles.
///
/// The hooks are attached before `/proc` is read, so whatever starts in
/// between is in the rings. What the rings hold after the reading is looked at
/// before any of it is processed: a process whose fork is there is left to its
/// fork.
pub(super) fn take_in_existing(
    pipeline: &mut Pipeline,
    rings: &mut Rings,
    listeners: Option<ListenerMap>,
) {
    let _span = tracing::debug_span!("take in what exists").entered();
    // First the cgroups: each process has its container from the start.
    for cgroup in scan_cgroups(&CgroupHierarchy::of_containers()) {
        pipeline.take(Input::Cgroup(cgroup));
    }
    let scanned = scan();
    if let Some(mut listeners) = listeners {
        listeners.enter(&scanned);
    }
    // Bounded by the bytes of the rings: what arrives meanwhile stays there.
    let mut held: Vec<Vec<u8>> = Vec::new();
    rings.drain(HELD_MAX, |record| held.push(record.to_vec()));

    let tick = tick_nanoseconds();
    let forked: HashSet<(Tgid, u64)> = held
        .iter()
        .filter_map(|record| decode(record).ok())
        .filter(|event| matches!(event.act, Act::Fork(_)))
        .map(|event| (event.process.tgid, event.process.start.0 / tick))
        .collect();
    let before_sensor = scanned
        .into_iter()
        .filter(|process| !forked.contains(&(process.id.tgid, process.id.start.0 / tick)));
    for process in before_sensor {
        pipeline.take(Input::Process(Box::new(process)));
    }
    pipeline.take(Input::Scanned);
    for record in held {
        pipeline.take(Input::Record(&record));
    }
    pipeline.settle();
    pipeline.flush_tape();
}

/// Records held at most while `/proc` is read.
const HELD_MAX: usize = 262_144;
