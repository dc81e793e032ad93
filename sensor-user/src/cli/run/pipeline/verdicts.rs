//! Looking at processes: rows, scores, verdicts, kills.

use std::time::Duration;

use super::{
    super::{
        looks::Look,
        machine::Side,
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
    outputs::{ExportedRow, Record, RecordName, VerdictPart},
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
        self.take_in_unrecorded_of(id, time);
        for (id, moment) in due {
            self.look(id, moment, time);
        }
    }

    /// Looks at a process: what its row has is what is known now.
    pub(super) fn look(&mut self, id: ProcessId, moment: Moment, time: BootTime) {
        if self.scoring.is_none() && self.export.is_none() {
            return;
        }
        let unix_seconds = self.records.clock.unix_seconds(time);
        let recent_loss = self.losses.recent(time);
        let context = Context::new(&self.table, id, moment, time, unix_seconds, recent_loss);
        let Some(context) = context else { return };
        // A kernel thread runs no program that anybody could have chosen.
        if context.image().is_none() {
            return;
        }
        let process = context.process;
        let row = extract(&context);
        let look = Look {
            portrait: Portrait::of(process, &self.table),
            exec_at: process.exec_at,
            moment,
            time,
        };
        if self.scoring.is_none() {
            self.export(&look, &row, None);
            return;
        }
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
        scoring.score(&mut self.looks, &mut self.scores);
        // Both are given back below: they keep their room.
        let mut looks = std::mem::take(&mut self.looks);
        let mut scores = std::mem::take(&mut self.scores);
        for ((look, row), score) in looks.drain().zip(scores.drain(..)) {
            self.counts.scores += 1;
            self.export(&look, &row, score);
            match score {
                Some(score) => self.follow_up(&look, &row, score),
                None => self.counts.invalid_scores += 1,
            }
        }
        self.looks = looks;
        self.scores = scores;
    }

    /// Writes a row with what labels need: whose it is, and in which cgroup.
    fn export(&mut self, look: &Look, row: &Row, score: Option<Score>) {
        if let Some(export) = &self.export
            && let Some(image) = &look.portrait.image
        {
            self.counts.rows += 1;
            export.row(&ExportedRow {
                time: look.time,
                process: look.portrait.id,
                cgroup_id: image.facts.cgroup_id,
                exe: &image.exe,
                moment: look.moment,
                score,
                row,
                words: image.words(),
            });
        }
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
        let live = match &self.side {
            Side::Live(live) => Some(live),
            Side::Recorded(_) => None,
        };
        let latency = live.map(|_| BootTime::now().since(time));
        let Judgement {
            decision,
            spared,
            latency,
        } = scoring.judge(score, latency, || {
            live?
                .protection
                .spares(portrait.id, portrait.parent, portrait.image.as_deref())
        });
        if decision.action == Action::None || !scoring.is_news(portrait.id, exec_at, decision.label)
        {
            return;
        }
        // What was recorded is over: its numbers are those of other processes here.
        let kill = (decision.action == Action::Kill && live.is_some())
            .then(|| kill(portrait.id, self.tick_ns));
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
