use std::sync::Arc;

use tokio::sync::watch;

use super::Buckets;
use crate::{
    capture::KernelLosses,
    outputs::{Counts, ModelPart},
};

/// What never changes during a run.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Name of the mode.
    pub mode: &'static str,
    /// When the sensor started, in seconds since 1970.
    pub started: i64,
    /// Processes that the table has room for.
    pub table_capacity: usize,
}

/// Everything that metrics tell of one moment. It costs one look a second, whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The model that scores, if one does.
    pub model: Option<ModelPart>,
    /// When it was taken, in seconds since 1970.
    pub taken: i64,
    /// What was taken in and given out.
    pub counts: Counts,
    /// The kernel's accounting.
    pub kernel: KernelLosses,
    /// Processes that found no room in the table.
    pub table_overflowed: u64,
    /// Notifications of files that found no room, as far as the kernel tells.
    pub file_notices_lost: u64,
    /// Records that the output did not take.
    pub output_lost: u64,
    /// Live processes in the table.
    pub processes: usize,
    /// Executables that were hashed, and those that were not.
    pub hashes: [u64; 2],
    /// From the kernel's timestamp to the decision.
    pub decision: Buckets,
    /// From the kernel's timestamp to the end of a killed process.
    pub death: Buckets,
    /// Inference alone.
    pub inference: Buckets,
}

/// The pipeline's end: what is published replaces what was, without waiting for a reader.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Arc<Snapshot>>);

/// The readers' end.
#[derive(Clone, Debug)]
pub struct Published(watch::Receiver<Arc<Snapshot>>);

/// Both ends, with an empty snapshot.
#[must_use]
pub fn channel() -> (Publisher, Published) {
    let (sender, receiver) = watch::channel(Arc::default());
    (Publisher(sender), Published(receiver))
}

impl Publisher {
    /// Shows this one from now on.
    pub fn publish(&self, snapshot: Snapshot) {
        self.0.send_replace(Arc::new(snapshot));
    }
}

impl Published {
    /// The last one.
    #[must_use]
    pub fn last(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.borrow())
    }
}
