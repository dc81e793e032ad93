//! One record, from its bytes to its line of output.

use sensor_common::{RecordHeader, RecordKind};
use sensor_user::{
    capture::decode,
    outputs::{RecordBuilder, render},
    state::{ProcessTable, TableLimits},
};
use serde_json::Value;
use zerocopy::FromBytes;

use crate::{TICK, actor, builder, unresolved_paths, wire};

/// Who acts in the seeds; known to the table, as are its ancestors.
const ACTOR: u32 = 7;

thread_local! {
    /// What a record is rendered with.
    static AGENT: (RecordBuilder, ProcessTable) = (builder(), table());
}

fn table() -> ProcessTable {
    let mut table = ProcessTable::new(TableLimits::default(), TICK);
    for number in 1..=ACTOR {
        for kind in [RecordKind::ProcessFork, RecordKind::ProcessExec] {
            let record = wire::record(kind, actor(number));
            let event = decode(&record).expect("a seed is a whole record");
            let [path, second_path] = unresolved_paths(&event);
            table.apply(&event, &path, &second_path);
        }
    }
    table
}

/// A record of every kind.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    RecordKind::ALL
        .iter()
        .map(|&kind| wire::record(kind, actor(ACTOR)))
        .collect()
}

/// A record is decoded or refused, and what is decoded can be written as JSON.
pub fn check(bytes: &[u8]) {
    let decoded = decode(bytes);
    let rendered = AGENT.with(|(builder, table)| render(bytes, builder, table));
    let event = match decoded {
        Ok(event) => event,
        Err(error) => {
            assert_eq!(rendered, Err(error), "refused, but rendered");
            return;
        }
    };

    let (header, _) = RecordHeader::read_from_prefix(bytes).expect("decoded without a header");
    let length = header.length as usize;
    assert!(
        length <= bytes.len(),
        "a record of {length} bytes was made out of {}",
        bytes.len()
    );
    assert_eq!(
        decode(&bytes[..length]),
        Ok(event),
        "what comes after a record changed it"
    );
    assert!(
        decode(&bytes[..length - 1]).is_err(),
        "a record without its last byte was taken for whole"
    );
    assert_eq!(event.act.kind().tag(), header.kind);

    let line = rendered
        .expect("decoded, but not rendered")
        .expect("an event cannot be written as JSON");
    let text = line.strip_suffix(b"\n").expect("a line without an end");
    assert!(!text.contains(&b'\n'), "a record of more than one line");
    let value: Value = serde_json::from_slice(text).expect("a line is not JSON");
    assert_eq!(value["kind"], event.act.kind().name());
}
