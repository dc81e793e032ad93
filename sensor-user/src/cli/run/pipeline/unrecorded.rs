//! What processes did without a record of its own.

use std::{path::Path, time::Duration};

use sensor_common::RecordKind;

use super::{
    super::{Events, machine::Side, scoring},
    Pipeline,
};
use crate::{
    capture::{BootTime, Reader},
    event::{ProcessId, Unrecorded},
    recording::Input,
    state::{Applied, ProcessTable},
};

/// Between two readings of what all processes did without a record, while records
/// come faster than they are taken in.
const BETWEEN_READINGS: Duration = Duration::from_millis(100);

impl Pipeline {
    /// Takes in what processes did without a record of its own, and looks at those
    /// that it gives reason to look at.
    pub(super) fn take_in_unrecorded(&mut self) {
        let (table, told) = (&self.table, &mut self.told);
        match &mut self.side {
            Side::Live(live) => {
                self.told_at = BootTime::now();
                live.unrecorded.read_all(|id| has_ended(table, id), told);
                if let Some(tape) = &live.tape {
                    tape.unrecorded(told);
                }
            }
            Side::Recorded(answers) => answers.unrecorded(told),
        }
        self.apply_told(|pipeline, acts, applied| {
            if !pipeline.looks_at_processes() {
                return;
            }
            let due = scoring::due(&mut pipeline.table, acts.process, acts.until, applied);
            for (id, moment) in due {
                pipeline.look(id, moment, acts.until);
            }
        });
        self.settle();
    }

    /// The same of one process that is about to be looked at.
    pub(super) fn take_in_unrecorded_of(&mut self, id: ProcessId, time: BootTime) {
        let told = &mut self.told;
        match &mut self.side {
            Side::Live(live) => {
                live.unrecorded.read(id, told);
                if let Some(tape) = &live.tape {
                    tape.unrecorded(told);
                }
            }
            Side::Recorded(answers) => answers.unrecorded_of(id, told),
        }
        self.apply_told(|_, _, _| {});
        let reads = match &mut self.side {
            Side::Live(live) => live.reads.of(id),
            Side::Recorded(answers) => answers.reads_of(id),
        };
        if let Some(reads) = reads {
            if let Some(tape) = self.tape() {
                tape.reads(&reads);
            }
            self.table.apply_reads(&reads, time);
        }
    }

    /// Takes in what all processes opened only to read it. Nobody is looked at for
    /// that.
    pub(super) fn take_in_reads(&mut self, time: BootTime) {
        let table = &mut self.table;
        match &mut self.side {
            Side::Live(live) => {
                let tape = live.tape.as_ref();
                live.reads.all(|id, reads| {
                    let known = reads.is_none_or(|reads| {
                        let known = table.apply_reads(&reads, time);
                        if let Some(tape) = tape.filter(|_| known) {
                            tape.reads(&reads);
                        }
                        known
                    });
                    if has_ended(table, id) {
                        Reader::Ended
                    } else if known {
                        Reader::Known
                    } else {
                        Reader::Unknown
                    }
                });
            }
            Side::Recorded(answers) => {
                for reads in answers.reads() {
                    table.apply_reads(&reads, time);
                }
            }
        }
    }

    /// Takes in what was read while the input was recorded that was taken in now, and
    /// was not asked for: whoever asks at other moments still hears of every act.
    pub(in crate::cli::run) fn take_in_rest(&mut self) {
        if let Side::Recorded(answers) = &self.side {
            answers.unrecorded(&mut self.told);
            for reads in answers.reads() {
                self.table.apply_reads(&reads, self.second_at);
            }
            if !self.told.is_empty() {
                self.apply_told(|_, _, _| {});
            }
        }
    }

    /// Takes in what was read. Its room is kept for the next time.
    fn apply_told(&mut self, mut then: impl FnMut(&mut Self, &Unrecorded, Applied)) {
        let mut told = std::mem::take(&mut self.told);
        for acts in told.drain(..) {
            let applied = self.apply_unrecorded(&acts);
            then(self, &acts, applied);
        }
        self.told = told;
    }

    fn apply_unrecorded(&mut self, acts: &Unrecorded) -> Applied {
        if let Side::Live(live) = &mut self.side {
            live.known.repeated(acts.kind);
        }
        if acts.kind == RecordKind::FileMount {
            self.hashes.forget();
        }
        let applied = self.table.apply_unrecorded(acts);
        if self.events == Events::All {
            self.write(&self.records.unrecorded(acts, &self.table));
        }
        applied
    }

    /// What is due while the rings hold more than was taken from them: acts are
    /// counted together then, and their numbers must not wait for the next second.
    pub(in crate::cli::run) fn falls_behind(&mut self) {
        let now = BootTime::now();
        if now.since(self.told_at) >= BETWEEN_READINGS {
            self.take(Input::Reading);
        }
    }
}

/// Whether a process has ended, by the table; by `/proc`, where the table does not
/// know it. A number that somebody else has by now counts as alive.
fn has_ended(table: &ProcessTable, id: ProcessId) -> bool {
    table.get(id).map_or_else(
        || !Path::new(&format!("/proc/{}", id.tgid.0)).exists(),
        |process| process.exited_at.is_some(),
    )
}
