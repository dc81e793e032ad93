use std::sync::{
    Arc,
    atomic::AtomicBool,
    mpsc::{Receiver, Sender},
};

use rustix::process::setpriority_process;

use super::{
    Certainty, Executed, Hashed, NoHash,
    cache::HashCache,
    locate::locate,
    read::{CHUNK, hash},
};
use crate::state::Sha256;

/// What the thread works with.
pub(super) struct Worker {
    pub(super) requests: Receiver<Executed>,
    pub(super) answers: Sender<Hashed>,
    pub(super) cache: Arc<HashCache>,
    /// Bytes of the largest file that is read.
    pub(super) limit: u64,
    /// Set when nobody waits for answers any more.
    pub(super) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Hashes what is asked for, until nobody asks.
    pub(super) fn run(self) {
        /// The least of all: whoever else has work goes first.
        const NICE: i32 = 19;
        // On Linux the priority is the thread's.
        if let Err(error) = setpriority_process(None, NICE) {
            tracing::debug!(%error, "the hashing thread keeps its priority");
        }
        let mut buffer = vec![0; CHUNK];
        for executed in &self.requests {
            let outcome = self.outcome(&executed, &mut buffer);
            let hashed = Hashed { executed, outcome };
            if self.answers.send(hashed).is_err() {
                return;
            }
        }
    }

    fn outcome(
        &self,
        executed: &Executed,
        buffer: &mut [u8],
    ) -> Result<(Sha256, Certainty), NoHash> {
        let image = &*executed.image;
        // An earlier request was for the same file.
        if let Some(hash) = self.cache.get(image) {
            return Ok((hash, Certainty::Unchanged { settled: true }));
        }
        let era = self.cache.era();
        let located = locate(executed, self.limit)?;
        let hash = hash(&located, self.limit, buffer, &self.stop)?;
        if located.certainty == (Certainty::Unchanged { settled: true }) {
            self.cache.put(image, hash, era);
        }
        Ok((hash, located.certainty))
    }
}
