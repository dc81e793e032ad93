//! The model at work: when to look, what the score means, what was judged.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;

use super::{
    judge::Judge,
    looks::Looks,
    reload::{Offer, Reloader},
    succession::{Step, Succession},
};
use crate::{
    bound::non_zero,
    capture::BootTime,
    cli::admission::Admitted,
    event::ProcessId,
    features::{Moment, Row},
    model::{Reason, Score, explain},
    outputs::{Latencies, ModelPart, metrics::Snapshot},
    policy::{Action, Config, Decision, Label, Spared, decide},
    state::{Applied, Process, ProcessTable},
};

/// Processes whose last verdict is remembered, so that it is not repeated; and
/// killed ones whose end is waited for.
const JUDGED_MAX: NonZeroUsize = non_zero(8_192);

/// The model, and what it gave so far.
pub(super) struct Scoring {
    models: Succession,
    reloader: Option<Reloader>,
    judged: LruCache<(ProcessId, BootTime), Label>,
    killed: LruCache<ProcessId, BootTime>,
    death: Latencies,
    decision: Latencies,
    inference: Latencies,
}

/// What follows from a score.
#[derive(Clone, Copy)]
pub(super) struct Judgement {
    pub(super) decision: Decision,
    /// Why the process is spared, where it is.
    pub(super) spared: Option<Spared>,
    /// From the kernel's timestamp to the decision; zero in a replay.
    pub(super) latency: Duration,
}

/// Median, 99th and 99.9th percentile of each time, in microseconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Percentiles {
    /// From the kernel's timestamp to the decision.
    pub(super) decision: [f64; 3],
    /// From the kernel's timestamp to the end of a killed process.
    pub(super) death: [f64; 3],
    /// Inference alone; of rows scored at once, each one's share.
    pub(super) inference: [f64; 3],
}

impl Scoring {
    /// `reloader` where the model may be followed by another.
    pub(super) fn new(admitted: Admitted, config: &Config, reloader: Option<Reloader>) -> Self {
        let bench = config.into();
        let running = Judge::new(admitted, bench);
        Self {
            models: Succession::new(running, bench, config.reload.clone()),
            reloader,
            judged: LruCache::new(JUDGED_MAX),
            killed: LruCache::new(JUDGED_MAX),
            death: Latencies::new(),
            decision: Latencies::new(),
            inference: Latencies::new(),
        }
    }

    /// Scores looks into `scores`, in their order; `None` for what is no
    /// probability.
    pub(super) fn score(&mut self, looks: &mut Looks, scores: &mut Vec<Option<Score>>) {
        let before = Instant::now();
        let first = scores.len();
        let model = &mut self.models.running.model;
        if let Some(vocabulary) = &model.card.vocabulary {
            looks.write_words(vocabulary);
        }
        let rows = looks.rows();
        model.scores(rows, |score| scores.push(score));
        let each = before.elapsed() / u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
        for _ in rows {
            self.inference.record(each);
        }
        self.models.compare(
            |vocabulary, rows| looks.rows_for(vocabulary, rows),
            scores.get(first..).unwrap_or_default(),
        );
    }

    /// Has the model's file looked at.
    pub(super) fn look_at_file(&self) {
        if let Some(reloader) = &self.reloader {
            reloader.look();
        } else {
            tracing::warn!("the model is no file: there is nothing to load again");
        }
    }

    /// Takes the next steps from one model to another, where some are due.
    pub(super) fn succeed(&mut self) -> Vec<Step> {
        let Some(reloader) = &self.reloader else {
            return Vec::new();
        };
        let now = Instant::now();
        let models = &mut self.models;
        let offered = reloader.offer().and_then(|offer| match offer {
            Offer::Admitted(admitted) => models.offer(*admitted, now),
            Offer::Refused(reason) => Some(models.refused(reason)),
        });
        let mut steps: Vec<Step> = offered.into_iter().chain(models.advance(now)).collect();
        for manifest in steps.iter_mut().filter_map(|step| step.accepted.take()) {
            reloader.accept(manifest);
        }
        steps
    }

    /// Decides what follows from a score, for an event of so long ago; `None` in a
    /// replay, where that means nothing. `spared` says why the process may not be
    /// killed, if so.
    pub(super) fn judge(
        &mut self,
        score: Score,
        latency: Option<Duration>,
        spared: impl FnOnce() -> Option<Spared>,
    ) -> Judgement {
        let running = &self.models.running;
        let spared = (running.label(score) != Label::Benign)
            .then(spared)
            .flatten();
        let decision = decide(score, running.alert, running.kill, running.mode, spared);
        if let Some(latency) = latency {
            self.decision.record(latency);
        }
        Judgement {
            decision,
            spared: spared.filter(|_| decision.action == Action::Spare),
            latency: latency.unwrap_or_default(),
        }
    }

    /// True when this verdict was not given before: the process, with the
    /// program that it ran at this time, had none, or a lesser one.
    pub(super) fn is_news(&mut self, process: ProcessId, exec_at: BootTime, label: Label) -> bool {
        let key = (process, exec_at);
        if self
            .judged
            .peek(&key)
            .is_some_and(|&before| before >= label)
        {
            return false;
        }
        self.judged.put(key, label);
        true
    }

    /// True when a verdict was given on the process, with the program that it
    /// ran at this time.
    pub(super) fn has_judged(&self, process: ProcessId, exec_at: BootTime) -> bool {
        self.judged.contains(&(process, exec_at))
    }

    /// Notes that a process was killed for what it did at this time.
    pub(super) fn killed(&mut self, process: ProcessId, time: BootTime) {
        self.killed.put(process, time);
    }

    /// How long a process that now ended had lived on after the act that it
    /// was killed for; `None` when it was not killed.
    pub(super) fn ended(&mut self, process: ProcessId, now: BootTime) -> Option<Duration> {
        let latency = now.since(self.killed.pop(&process)?);
        self.death.record(latency);
        Some(latency)
    }

    /// The threshold that a label stands for.
    pub(super) fn threshold(&self, label: Label) -> Score {
        self.models.running.threshold(label)
    }

    /// What raised the score most.
    pub(super) fn reasons(&mut self, row: &Row, score: Score) -> Vec<Reason> {
        explain(&mut self.models.running.model, row, score)
    }

    pub(super) fn identity(&self) -> ModelPart {
        self.models.running.identity.clone()
    }

    /// Puts the times taken so far into a snapshot.
    pub(super) fn show_times(&self, snapshot: &mut Snapshot) {
        snapshot.decision = self.decision.buckets();
        snapshot.death = self.death.buckets();
        snapshot.inference = self.inference.buckets();
    }

    /// Times taken so far, as percentiles.
    pub(super) fn percentiles_us(&self) -> Percentiles {
        Percentiles {
            decision: self.decision.percentiles_us(),
            death: self.death.percentiles_us(),
            inference: self.inference.percentiles_us(),
        }
    }
}

/// Most processes that one event gives reason to look at: the one that acted,
/// and the ancestors that its act is gathered in.
const LOOKS_MAX: usize = 1 + Process::GATHERED_LEVELS;

/// Why to look at the process that acted, if there is reason to.
fn look_at(process: &mut Process, applied: Applied, time: BootTime) -> Option<Moment> {
    let (own, descendants) = (&process.own, &*process.descendants);
    match applied {
        Applied::Program => {
            process.own_pulse.looked(own, time);
            Some(Moment::Exec)
        }
        Applied::Behaviour => process
            .own_pulse
            .reached(own, time)
            .then_some(Moment::Behaviour),
        // Its last acts may have come right after a look.
        Applied::End => {
            let behind = process.own_pulse.is_behind(own)
                || process.descendants_pulse.is_behind(descendants);
            behind.then_some(Moment::Behaviour)
        }
        Applied::Lineage | Applied::Noted | Applied::Repeated => None,
    }
}

/// Who to look at because of an event, given what it was to the table, and why.
pub(super) fn due(
    table: &mut ProcessTable,
    id: ProcessId,
    time: BootTime,
    applied: Applied,
) -> impl Iterator<Item = (ProcessId, Moment)> + use<> {
    let mut looks = [None; LOOKS_MAX];
    let looked = table
        .get_mut(id)
        .and_then(|process| look_at(process, applied, time));
    looks[0] = looked.map(|moment| (id, moment));
    if matches!(applied, Applied::Noted | Applied::Repeated) {
        return looks.into_iter().flatten();
    }
    let mut ancestor = table.get(id).and_then(|process| process.parent);
    for look in &mut looks[1..] {
        let Some(process) = ancestor.and_then(|id| table.get_mut(id)) else {
            break;
        };
        ancestor = process.parent;
        let due = process
            .descendants_pulse
            .reached(&process.descendants, time);
        if process.exited_at.is_none() && due {
            *look = Some((process.id, Moment::Behaviour));
        }
    }
    looks.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use sensor_common::RecordKind;

    use super::*;
    use crate::{
        capture::{
            decode,
            test_support::{bytes, header},
        },
        state::TableLimits,
    };

    #[test]
    fn only_what_the_features_tell_of_gives_reason_to_look() {
        // The target of these records is number 0, which is no stranger, the socket
        // has no family, the thread that took another name is not the first, and no
        // time was given.
        const NOT_COUNTED: [RecordKind; 9] = [
            RecordKind::ProcessFork,
            RecordKind::ProcessExit,
            RecordKind::ProcessSignal,
            RecordKind::ProcessRename,
            RecordKind::FileWrite,
            RecordKind::FileTimes,
            RecordKind::NetworkStdio,
            RecordKind::MemoryWrite,
            RecordKind::CgroupCreate,
        ];
        let record = |kind: RecordKind| bytes(header(kind.tag(), 0), &[0; 128], b"");
        let before = record(RecordKind::NetworkBind);
        for kind in RecordKind::ALL {
            let mut table = ProcessTable::new(TableLimits::default(), 1);
            let earlier = decode(&before).unwrap();
            let applied = table.apply(&earlier, b"", b"");
            let looks = due(&mut table, earlier.process, earlier.time, applied);
            assert_eq!(looks.count(), 1);
            let act = record(kind);
            let event = decode(&act).unwrap();
            let applied = table.apply(&event, b"/tmp/x", b"/tmp/y");
            let looks: Vec<_> = due(&mut table, event.process, event.time, applied).collect();
            let expected = if kind == RecordKind::ProcessExec {
                vec![(event.process, Moment::Exec)]
            } else if NOT_COUNTED.contains(&kind) {
                Vec::new()
            } else {
                vec![(event.process, Moment::Behaviour)]
            };
            assert_eq!(looks, expected, "{}", kind.name());
        }
    }

    #[test]
    fn what_came_after_the_last_look_is_looked_at_at_the_end() {
        let mut table = ProcessTable::new(TableLimits::default(), 1);
        let mut ways = |kind: RecordKind| {
            let bytes = bytes(header(kind.tag(), 0), &[0; 128], b"");
            let event = decode(&bytes).unwrap();
            let applied = table.apply(&event, b"/tmp/x", b"/tmp/y");
            due(&mut table, event.process, event.time, applied).count()
        };
        let looks = [RecordKind::FileUnlink; 5].map(&mut ways);
        assert_eq!(looks, [1, 1, 1, 1, 0]);
        assert_eq!(ways(RecordKind::ProcessExit), 1);
    }
}
