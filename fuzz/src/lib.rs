//! What must hold for any bytes, and bytes to start from.
//!
//! Each target has a module: `check` takes an input and panics where something
//! does not hold, `seeds` makes inputs of the ordinary kind.

pub mod container;
pub mod decode;
pub mod dns;
pub mod stream;
pub mod trees;

mod seeds;
#[path = "../../sensor-user/benches/stages/tree_file.rs"]
#[expect(dead_code, reason = "the bench and the tests use other parts")]
mod tree_file;
#[path = "../../sensor-user/benches/stages/wire.rs"]
mod wire;

pub use seeds::plant;

use sensor_user::{
    capture::WallClock,
    event::{Event, RecordPath},
    outputs::RecordBuilder,
};

/// Resolution of start times, as Linux has it on most machines.
const TICK: u64 = 10_000_000;

/// Makes output records; their times do not matter here.
fn builder() -> RecordBuilder {
    RecordBuilder {
        clock: WallClock::new(),
    }
}

/// The event's paths as they are in its record. The resolver would ask the file
/// system, whose answers are not always the same.
fn unresolved_paths(event: &Event<'_>) -> [Vec<u8>; 2] {
    let whole = |path: RecordPath<'_>| [path.base, path.path].concat();
    let (subject, second) = event.act.files().unzip();
    [subject.map(|file| file.path), second.flatten()]
        .map(|path| path.map(whole).unwrap_or_default())
}

/// Who acts in the seeds: one process of many, all of them children of the one
/// before.
fn actor(number: u32) -> wire::Actor {
    const SECOND: u64 = 1_000_000_000;
    let start = |number: u32| u64::from(number) * SECOND + 12_345;
    let parent = number.saturating_sub(1).max(1);
    wire::Actor {
        number,
        start: start(number),
        parent,
        parent_start: start(parent),
        time: start(number) + SECOND / 2,
    }
}
