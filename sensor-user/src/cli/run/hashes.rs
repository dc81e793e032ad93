//! Hashes of executables on their way into records.

use std::sync::Arc;

use super::scoring::Scoring;
use crate::{
    capture::WallClock,
    event::{Act, Event},
    hash::{Certainty, Executed, HashCounts, Hashed, Hasher, NoHash},
    state::ProcessTable,
};

/// The hasher, where there is one: not without an output, and not when the
/// policy switches it off.
#[derive(Debug)]
pub(super) struct Hashes(Option<Hasher>);

impl Hashes {
    /// For executables of at most `limit` bytes, which may be zero.
    pub(super) fn new(limit: u32) -> Self {
        if limit == 0 {
            return Self(None);
        }
        let hasher = Hasher::start(limit.into());
        if let Err(error) = &hasher {
            tracing::error!(%error, "executables are not hashed: there is no thread for it");
        }
        Self(hasher.ok())
    }

    /// Gives a program that was just run the hash of its executable, where that
    /// is known already; and takes in mounts. To be called once the table has
    /// the event, and before its record is written.
    pub(super) fn before_record(&self, event: &Event<'_>, table: &ProcessTable) {
        let Some(hasher) = &self.0 else { return };
        match &event.act {
            Act::Exec(_) => {
                let image = table
                    .get(event.process)
                    .and_then(|known| known.image.as_ref());
                if let Some(image) = image
                    && let Some(hash) = hasher.known(image)
                {
                    // It has none yet: it is new.
                    let _ = image.sha256.set(hash);
                }
            }
            Act::Mount(mount) => hasher.mounted(mount),
            _ => {}
        }
    }

    /// Asks for the hash of a program that was just run, where it is not known.
    /// To be called after the response: it wakes a thread.
    pub(super) fn after_response(
        &mut self,
        event: &Event<'_>,
        table: &ProcessTable,
        clock: WallClock,
    ) {
        let Some(hasher) = &mut self.0 else { return };
        if !matches!(event.act, Act::Exec(_)) {
            return;
        }
        let Some(process) = table.get(event.process) else {
            return;
        };
        let Some(image) = &process.image else { return };
        if image.sha256.get().is_none() {
            hasher.request(Executed {
                process: event.process,
                time: event.time,
                unix_time: clock.unix_nanoseconds(event.time),
                parent: process.parent.map(|parent| parent.tgid),
                image: Arc::clone(image),
            });
        }
    }

    /// Takes in that something may have been mounted.
    pub(super) fn forget(&self) {
        if let Some(hasher) = &self.0 {
            hasher.forget();
        }
    }

    /// Hashes that came. `caught_up` says that the rings were emptied since the
    /// last call, `blind` that the record of an exec may be missing.
    pub(super) fn take(
        &mut self,
        table: &ProcessTable,
        caught_up: bool,
        blind: bool,
    ) -> Vec<Hashed> {
        let Some(hasher) = &mut self.0 else {
            return Vec::new();
        };
        let mut hashes = hasher.answers(caught_up);
        for hashed in &mut hashes {
            settle(hashed, |executed| !blind && still_runs(table, executed));
        }
        hashes
    }

    /// The last hashes of a run.
    pub(super) fn finish(&mut self) -> Vec<Hashed> {
        let Some(hasher) = &mut self.0 else {
            return Vec::new();
        };
        let mut hashes = hasher.finish();
        for hashed in &mut hashes {
            // The hooks are detached: nobody knows who runs what.
            settle(hashed, |_| false);
        }
        hashes
    }

    pub(super) fn counts(&self) -> HashCounts {
        self.0.as_ref().map(Hasher::counts).unwrap_or_default()
    }
}

/// True when the process has run no other program since, and has not ended.
fn still_runs(table: &ProcessTable, executed: &Executed) -> bool {
    table.get(executed.process).is_some_and(|process| {
        process.exited_at.is_none()
            && process
                .image
                .as_ref()
                .is_some_and(|image| Arc::ptr_eq(image, &executed.image))
    })
}

/// Gives the program its hash when that is certain; takes it back when not.
fn settle(hashed: &mut Hashed, still_runs: impl Fn(&Executed) -> bool) {
    if let Ok((hash, certainty)) = hashed.outcome {
        if certainty == Certainty::IfStillRunning && !still_runs(&hashed.executed) {
            hashed.outcome = Err(NoHash::Changed);
        } else {
            // Another answer for the same program gave the same.
            let _ = hashed.executed.image.sha256.set(hash);
        }
    }
}

/// True when a verdict was given on the program that was hashed.
pub(super) fn is_judged(scoring: Option<&Scoring>, hashed: &Hashed) -> bool {
    let Executed { process, time, .. } = hashed.executed;
    scoring.is_some_and(|scoring| scoring.has_judged(process, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capture::BootTime,
        event::{Exec, ProcessId, Standing},
        state::{
            Sha256, TableLimits,
            test_support::{exec_facts, process_id},
        },
    };

    const HASH: Sha256 = Sha256([7; 32]);

    fn exec(table: &mut ProcessTable, id: ProcessId, time: u64) {
        let act = Act::Exec(Exec {
            parent: process_id(1, 0),
            facts: exec_facts(),
            exe: b"/x",
            cwd: b"/",
            filename: b"/x",
            args: b"x\0",
            args_total: 2,
        });
        let event = Event {
            time: BootTime(time),
            process: id,
            tid: id.tgid.0,
            flags: 0,
            standing: Standing::default(),
            act,
        };
        table.apply(&event, b"", b"");
    }

    fn hashed(table: &ProcessTable, id: ProcessId, certainty: Certainty) -> Hashed {
        let process = table.get(id).unwrap();
        Hashed {
            executed: Executed {
                process: id,
                time: process.exec_at,
                unix_time: 0,
                parent: None,
                image: Arc::clone(process.image.as_ref().unwrap()),
            },
            outcome: Ok((HASH, certainty)),
        }
    }

    #[test]
    fn a_program_that_still_runs_gets_its_hash_and_so_do_its_children() {
        let id = process_id(7, 5);
        let mut table = ProcessTable::new(TableLimits::default(), 1);
        exec(&mut table, id, 10);
        let mut hashed = hashed(&table, id, Certainty::IfStillRunning);
        settle(&mut hashed, |executed| still_runs(&table, executed));
        assert!(hashed.outcome.is_ok());
        let image = table.get(id).unwrap().image.as_ref().unwrap();
        assert_eq!(image.sha256.get(), Some(&HASH));
    }

    #[test]
    fn a_program_that_no_longer_runs_has_a_hash_only_if_its_file_is_unchanged() {
        let id = process_id(7, 5);
        for (certainty, expected) in [
            (Certainty::IfStillRunning, Err(NoHash::Changed)),
            (Certainty::Unchanged { settled: false }, Ok(HASH)),
        ] {
            let mut table = ProcessTable::new(TableLimits::default(), 1);
            exec(&mut table, id, 10);
            let mut hashed = hashed(&table, id, certainty);
            exec(&mut table, id, 20);
            settle(&mut hashed, |executed| still_runs(&table, executed));
            assert_eq!(hashed.outcome.map(|(hash, _)| hash), expected);
            assert_eq!(hashed.executed.image.sha256.get().copied(), expected.ok());
            // The other program has none by that.
            let image = table.get(id).unwrap().image.as_ref().unwrap();
            assert_eq!(image.sha256.get(), None);
        }
    }
}
