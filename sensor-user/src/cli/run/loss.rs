//! What was lost, and what of it was reported.

use std::{collections::BTreeMap, time::Duration};

use sensor_common::{RecordKind, Ring};

use crate::{
    capture::{BootTime, KernelLosses, KindTotals, hook_of},
    outputs::{LossPart, LossSource},
};

/// How long a loss counts as recent.
const RECENT: Duration = Duration::from_secs(10);

/// Losses on the agent's side, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AgentLosses {
    /// Records that could not be decoded.
    pub(super) undecoded: u64,
    /// Processes that found no room in the table.
    pub(super) processes: u64,
    /// Notices of files that found no room in the kernel's queue, as far as it
    /// tells, or that could not be told.
    pub(super) file_notices: u64,
    /// Records that the output did not take.
    pub(super) output: u64,
}

/// Losses of both sides, and what of them was reported.
#[derive(Debug, Default)]
pub(super) struct Losses {
    kernel: KernelLosses,
    reported: AgentLosses,
    last: Option<BootTime>,
    last_of_programs: Option<BootTime>,
    last_of_mounts: Option<BootTime>,
}

impl Losses {
    /// Takes in the counters as they were read at a time, and returns what was lost
    /// since the last time.
    pub(super) fn update(
        &mut self,
        kernel: KernelLosses,
        agent: AgentLosses,
        now: BootTime,
    ) -> Vec<LossPart> {
        let mut parts: Vec<LossPart> = kernel
            .records
            .lost_since(&self.kernel.records)
            .map(|(kind, lost)| LossPart {
                source: match kind.ring() {
                    Ring::Critical => LossSource::CriticalRing,
                    Ring::Bulk => LossSource::BulkRing,
                },
                record: Some(kind.name()),
                program: None,
                lost,
                total: kernel.records.of(kind).lost,
            })
            .collect();
        parts.extend(
            kernel
                .skipped_since(&self.kernel)
                .map(|(program, lost, total)| LossPart {
                    source: LossSource::ProgramSkipped,
                    record: None,
                    program: Some(program.to_owned()),
                    lost,
                    total,
                }),
        );
        for (source, now, before) in [
            (
                LossSource::Decoder,
                agent.undecoded,
                self.reported.undecoded,
            ),
            (
                LossSource::ProcessTable,
                agent.processes,
                self.reported.processes,
            ),
            (
                LossSource::FileNotices,
                agent.file_notices,
                self.reported.file_notices,
            ),
            (LossSource::Output, agent.output, self.reported.output),
        ] {
            let lost = now.saturating_sub(before);
            if lost > 0 {
                parts.push(LossPart {
                    source,
                    record: None,
                    program: None,
                    lost,
                    total: now,
                });
            }
        }
        self.kernel = kernel;
        self.reported = agent;
        // A lost output record does not blind the model.
        if parts.iter().any(|part| part.source != LossSource::Output) {
            self.last = Some(now);
        }
        for (kind, last) in [
            (RecordKind::ProcessExec, &mut self.last_of_programs),
            (RecordKind::FileMount, &mut self.last_of_mounts),
        ] {
            if parts.iter().any(|part| may_hide(kind, part)) {
                *last = Some(now);
            }
        }
        parts
    }

    /// Acts that were counted instead of recorded.
    pub(super) fn counted(&self) -> u64 {
        self.kernel.records.sum().counted
    }

    /// True when the model may have missed something lately, at the time of an event.
    pub(super) fn recent(&self, now: BootTime) -> bool {
        is_recent(self.last, now)
    }

    /// True when a process may run another program than is known.
    pub(super) fn recent_of_programs(&self, now: BootTime) -> bool {
        is_recent(self.last_of_programs, now)
    }

    /// True when a file system may have been mounted that is not known.
    pub(super) fn recent_of_mounts(&self, now: BootTime) -> bool {
        is_recent(self.last_of_mounts, now)
    }

    /// The kernel's side, as it was last taken in.
    pub(super) fn kernel(&self) -> &KernelLosses {
        &self.kernel
    }

    /// What became of the acts that the hooks saw.
    pub(super) fn accounting(&self) -> BTreeMap<&'static str, KindTotals> {
        RecordKind::ALL
            .into_iter()
            .map(|kind| (kind.name(), self.kernel.records.of(kind)))
            .filter(|(_, totals)| totals.seen > 0)
            .collect()
    }

    /// Records that the rings did not take and hooks that were not run, since the
    /// start.
    pub(super) fn in_kernel(&self) -> u64 {
        self.kernel.sum()
    }
}

/// What came before the loss was seen, and is looked at after it, counts as well.
fn is_recent(last: Option<BootTime>, now: BootTime) -> bool {
    last.is_some_and(|at| now.since(at) < RECENT)
}

/// Whether a record of this kind may be among what was lost.
fn may_hide(kind: RecordKind, part: &LossPart) -> bool {
    match part.source {
        LossSource::CriticalRing | LossSource::BulkRing => part.record == Some(kind.name()),
        LossSource::ProgramSkipped => part
            .program
            .as_deref()
            .is_none_or(|program| hook_of(kind).is_none_or(|hook| hook.runs_in(program))),
        LossSource::Decoder | LossSource::ProcessTable => true,
        // Programs and mounts are told otherwise.
        LossSource::FileNotices | LossSource::Output => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Skipped;

    const NOW: BootTime = BootTime(70_000_000_000);

    #[test]
    fn a_skipped_program_hides_what_it_would_have_told_of() {
        let blind = |program: &str| {
            let kernel = KernelLosses {
                skipped: vec![Skipped {
                    program: program.to_owned(),
                    times: 3,
                }],
                ..KernelLosses::default()
            };
            let mut losses = Losses::default();
            let parts = losses.update(kernel, AgentLosses::default(), NOW);
            assert_eq!(parts[0].source, LossSource::ProgramSkipped);
            assert_eq!((parts[0].lost, parts[0].total), (3, 3));
            assert!(losses.recent(NOW));
            (losses.recent_of_programs(NOW), losses.recent_of_mounts(NOW))
        };
        assert_eq!(blind("sched_process_exec"), (true, false));
        for program in [
            "sys_exit",
            "exit_mount",
            "lsm_sb_mount",
            "fentry_move_mount",
        ] {
            assert_eq!(blind(program), (false, true), "{program}");
        }
        assert_eq!(blind("fentry_file_open"), (false, false));
    }

    #[test]
    fn each_loss_is_reported_once_and_only_capture_counts_as_recent() {
        let mut losses = Losses::default();
        let mut agent = AgentLosses {
            output: 5,
            ..AgentLosses::default()
        };
        let parts = losses.update(KernelLosses::default(), agent, NOW);
        assert_eq!(
            parts,
            [LossPart {
                source: LossSource::Output,
                record: None,
                program: None,
                lost: 5,
                total: 5,
            }]
        );
        assert!(!losses.recent(NOW));
        assert!(
            losses
                .update(KernelLosses::default(), agent, NOW)
                .is_empty()
        );

        agent.undecoded = 2;
        agent.output = 6;
        let parts = losses.update(KernelLosses::default(), agent, NOW);
        let sources: Vec<_> = parts.iter().map(|part| (part.source, part.lost)).collect();
        assert_eq!(sources, [(LossSource::Decoder, 2), (LossSource::Output, 1)]);
        assert!(losses.recent(NOW));
        let later = |seconds: u64| BootTime(NOW.0 + seconds * 1_000_000_000);
        assert!(losses.recent(later(9)) && !losses.recent(later(10)));
        // An event that waited meanwhile.
        assert!(losses.recent(BootTime(1)));
    }
}
