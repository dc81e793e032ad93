//! Looking at processes: rows, scores, verdicts, kills.

use std::time::Duration;

use super::{
    super::{
        looks::Look,
        scoring::{self, Judgement},
        verdict_line,
    },
    Pipeline,
};
use crate::{
    capture::BootTime,
    event::ProcessId,
    features::{Context, Moment, Row, extract},
    model::Score,
    outputs::{Record, RecordName, VerdictPart},
    policy::Action,
    response::kill,
    state::{Applied, Portrait},
};

impl Pipeline {
    pub(super) fn look_at_due(&mut self, id: ProcessId, time: BootTime, applied: Applied) {
        let mut due = scoring::due(&mut self.table, id, time, applied).peekable();
        if due.peek().is_none() {
            return;
        }
        // What it did without a record is known now, not in a second.
        self.take_in_unrecorded_of(id);
        for (id, moment) in due {
            self.look(id, moment, time);
        }
    }

    /// Looks at a process: what its row has is what is known now.
    pub(super) fn look(&mut self, id: ProcessId, moment: Moment, time: BootTime) {
        let unix_seconds = self.records.clock.unix_seconds(time);
        let recent_loss = self.losses.recent();
        let context = Context::new(&self.table, id, moment, time, unix_seconds, recent_loss);
        let Some(context) = context else { return };
        // A kernel thread runs no program that anybody could have chosen.
        let Some(image) = context.image() else { return };
        let process = context.process;
        let row = extract(&context);
        if let Some(export) = &self.export {
            export.row(
                time,
                process.id,
                image.facts.cgroup_id,
                &image.exe,
                moment,
                &row,
            );
        }
        if self.scoring.is_none() {
            return;
        }
        let look = Look {
            portrait: Portrait::of(process, &self.table),
            exec_at: process.exec_at,
            moment,
            time,
        };
        self.looks.push(look, &row);
        if self.looks.are_due() {
            self.settle();
        }
    }

    /// Scores the looks that wait, and follows up on the scores, in their order.
    pub(in crate::cli::run) fn settle(&mut self) {
        let Some(scoring) = &mut self.scoring else {
            return;
        };
        if self.looks.rows().is_empty() {
            return;
        }
        scoring.score(self.looks.rows(), &mut self.scores);
        // Both are given back below: they keep their room.
        let mut looks = std::mem::take(&mut self.looks);
        let mut scores = std::mem::take(&mut self.scores);
        for ((look, row), score) in looks.drain().zip(scores.drain(..)) {
            self.counts.scores += 1;
            match score {
                Some(score) => self.follow_up(&look, &row, score),
                None => self.counts.invalid_scores += 1,
            }
        }
        self.looks = looks;
        self.scores = scores;
    }

    fn follow_up(&mut self, look: &Look, row: &Row, score: Score) {
        let Some(scoring) = &mut self.scoring else {
            return;
        };
        let &Look {
            ref portrait,
            exec_at,
            moment,
            time,
        } = look;
        let protection = &self.protection;
        let Judgement {
            decision,
            spared,
            latency,
        } = scoring.judge(score, time, || {
            protection.spares(portrait.id, portrait.parent, portrait.image.as_deref())
        });
        if decision.action == Action::None || !scoring.is_news(portrait.id, exec_at, decision.label)
        {
            return;
        }
        let kill = (decision.action == Action::Kill).then(|| kill(portrait.id, self.tick_ns));
        let kill_latency = BootTime::now().since(time);
        let killed = kill == Some(Ok(()));
        if killed {
            scoring.killed(portrait.id, time);
        }
        let verdict = VerdictPart {
            score: score.get(),
            threshold: scoring.threshold(decision.label).get(),
            label: decision.label,
            action: decision.action,
            spared,
            kill_error: kill.and_then(Result::err).map(|error| error.to_string()),
            moment: moment.name(),
            model: scoring.identity(),
            latency_us: microseconds(latency),
            kill_latency_us: killed.then(|| microseconds(kill_latency)),
            reasons: scoring.reasons(row, score),
        };
        self.counts.verdict(decision.label, decision.action);
        self.counts.kills += u64::from(killed);
        self.give_verdict(portrait, time, verdict);
    }

    pub(super) fn give_verdict(
        &mut self,
        portrait: &Portrait,
        time: BootTime,
        verdict: VerdictPart,
    ) {
        let mut record = Record::new(RecordName::Verdict, self.records.clock.rfc3339(time));
        let mut process = self.records.portrait(portrait);
        let image = portrait.image.as_ref();
        process.exe_sha256 = image.and_then(|image| image.sha256.get()).copied();
        self.verdict_lines
            .push(verdict_line::render(&record.time, &verdict, &process));
        record.process = Some(process);
        record.verdict = Some(verdict);
        self.write(&record);
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
