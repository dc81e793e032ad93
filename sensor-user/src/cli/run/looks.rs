//! Looks that wait for their score: several cost little more than one.

use crate::{
    capture::BootTime,
    features::{Moment, Row},
    model::{Model, Vocabulary, with_words},
    state::Portrait,
};

/// Looks that wait at most.
const MOST: usize = Model::BATCH;

/// Records that are taken in at most while a look waits: no verdict is late by
/// more than they take, some hundred microseconds.
const PATIENCE: u32 = 64;

/// Who was looked at, and when.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// The process as it was.
    pub(super) portrait: Portrait,
    /// When it had run its program.
    pub(super) exec_at: BootTime,
    /// Why it was looked at.
    pub(super) moment: Moment,
    /// Time of the event that led here.
    pub(super) time: BootTime,
}

/// Looks that wait, in their order, each with its row.
#[derive(Debug, Default)]
pub(super) struct Looks {
    waiting: Vec<Look>,
    rows: Vec<Row>,
    /// Records taken in since the first of them.
    records: u32,
    /// None may wait.
    at_once: bool,
}

impl Looks {
    /// `at_once` when a score may lead to a kill: a process that is to die must not
    /// go on until others have been looked at.
    pub(super) const fn new(at_once: bool) -> Self {
        Self {
            waiting: Vec::new(),
            rows: Vec::new(),
            records: 0,
            at_once,
        }
    }

    pub(super) fn push(&mut self, look: Look, row: &Row) {
        self.waiting.push(look);
        self.rows.push(*row);
    }

    /// Takes in that a record was taken in.
    pub(super) fn passed(&mut self) {
        self.records += u32::from(!self.waiting.is_empty());
    }

    /// True when they may not wait any longer.
    pub(super) fn are_due(&self) -> bool {
        let due = self.at_once || self.waiting.len() >= MOST || self.records >= PATIENCE;
        due && !self.waiting.is_empty()
    }

    /// The rows, in the order of the looks.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Writes into the rows what words are worth to a model.
    pub(super) fn write_words(&mut self, vocabulary: &Vocabulary) {
        for (look, row) in self.waiting.iter().zip(&mut self.rows) {
            if let Some(image) = &look.portrait.image {
                vocabulary.write(row, image.words());
            }
        }
    }

    /// The rows as another model sees them, with what words are worth to it, or
    /// without.
    pub(super) fn rows_for(&self, vocabulary: Option<&Vocabulary>, rows: &mut Vec<Row>) {
        rows.clear();
        rows.extend(self.waiting.iter().zip(&self.rows).map(|(look, row)| {
            let words = look.portrait.image.as_ref().map(|image| image.words());
            with_words(row, vocabulary, words)
        }));
    }

    /// Takes the looks out, each with its row, in their order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Look, Row)> {
        self.records = 0;
        self.waiting.drain(..).zip(self.rows.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        features::COUNT,
        state::{Process, ProcessTable, TableLimits, test_support::process_id},
    };

    fn look(number: u32) -> Look {
        let table = ProcessTable::new(TableLimits::default(), 1);
        Look {
            portrait: Portrait::of(&Process::new(process_id(number, 0)), &table),
            exec_at: BootTime(0),
            moment: Moment::Exec,
            time: BootTime(0),
        }
    }

    fn push(looks: &mut Looks, number: u32) {
        looks.push(look(number), &[number as f32; COUNT]);
    }

    #[test]
    fn looks_wait_for_a_batch_and_leave_it_in_order() {
        let mut looks = Looks::new(false);
        assert!(!looks.are_due());
        for number in 1..=u32::try_from(MOST).unwrap() {
            assert!(!looks.are_due(), "{number}");
            push(&mut looks, number);
        }
        assert!(looks.are_due());
        let rows: Vec<f32> = looks.rows().iter().map(|row| row[0]).collect();
        let taken: Vec<_> = looks
            .drain()
            .map(|(look, row)| (look.portrait.id.tgid.0, row[0]))
            .collect();
        let expected: Vec<_> = (1..=u32::try_from(MOST).unwrap())
            .map(|number| (number, number as f32))
            .collect();
        assert_eq!(taken, expected);
        assert_eq!(rows, expected.iter().map(|pair| pair.1).collect::<Vec<_>>());
        assert!(looks.rows().is_empty() && !looks.are_due());
    }

    #[test]
    fn no_look_waits_for_many_records() {
        let mut looks = Looks::new(false);
        for _ in 0..2 {
            // Nothing waits yet: what passes delays nothing.
            (0..PATIENCE).for_each(|_| looks.passed());
            assert!(!looks.are_due());
            push(&mut looks, 1);
            (1..PATIENCE).for_each(|_| looks.passed());
            assert!(!looks.are_due());
            looks.passed();
            assert!(looks.are_due());
            assert_eq!(looks.drain().count(), 1);
        }
    }

    #[test]
    fn a_look_that_may_lead_to_a_kill_does_not_wait() {
        let mut looks = Looks::new(true);
        assert!(!looks.are_due());
        push(&mut looks, 1);
        assert!(looks.are_due());
    }
}
