use std::{cell::RefCell, rc::Rc};

use super::{
    Answer, Input, Progress, RecordingError, Totals,
    frame::{FRAME_BYTES, RAW_MAX},
    writer::{Raw, Writer},
};
use crate::{
    capture::{FindCgroup, FollowDirectory, FoundCgroup},
    event::{Reads, Unrecorded},
};

/// What is being recorded on: the pipeline and all that answers its questions
/// have a hand on it.
#[derive(Clone, Debug)]
pub struct Tape(Rc<RefCell<Head>>);

#[derive(Debug)]
struct Head {
    raw: Raw,
    writer: Writer,
}

impl Tape {
    pub(super) fn new(writer: Writer) -> Self {
        let raw = Raw::default();
        Self(Rc::new(RefCell::new(Head { raw, writer })))
    }

    /// Notes an input.
    pub fn input(&self, input: &Input<'_>) {
        let records = u64::from(matches!(input, Input::Record(_)));
        self.0.borrow_mut().input(records, |out| input.put(out));
    }

    /// Notes what the machine answered.
    pub fn answer(&self, answer: &Answer<'_>) {
        self.0.borrow_mut().put(|out| answer.put(out));
    }

    /// Notes what processes did without a record.
    pub fn unrecorded(&self, told: &[Unrecorded]) {
        for acts in told {
            self.answer(&Answer::Unrecorded(*acts));
        }
    }

    /// Notes what a process opened only to read it.
    pub fn reads(&self, reads: &Reads) {
        self.answer(&Answer::Reads(*reads));
    }

    /// Sends on what was noted so far: a sensor that is killed loses no more than
    /// what came after the last call. To be called once a second.
    pub fn flush(&self) {
        self.0.borrow_mut().flush();
    }

    /// How far the recording is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.0.borrow().writer.progress()
    }

    /// Writes the rest, and the end. Waits for it.
    pub fn finish(&self) -> Result<Totals, RecordingError> {
        let mut head = self.0.borrow_mut();
        head.flush();
        head.writer.finish()
    }
}

impl Head {
    /// An input begins a frame when the last one is full: its answers are with it.
    fn input(&mut self, records: u64, put: impl FnOnce(&mut Vec<u8>)) {
        if self.raw.bytes.len() >= FRAME_BYTES {
            self.flush();
        }
        if self.put(put) {
            self.raw.inputs += 1;
            self.raw.records += records;
        } else {
            self.writer.lose(1);
        }
    }

    /// Appends an item; false when no frame has room for it.
    fn put(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> bool {
        let before = self.raw.bytes.len();
        put(&mut self.raw.bytes);
        let item = self.raw.bytes.len() - before;
        if before + item <= RAW_MAX {
            return true;
        }
        let rest = self.raw.bytes.split_off(before);
        self.flush();
        let fits = item <= RAW_MAX;
        if fits {
            self.raw.bytes = rest;
        }
        fits
    }

    fn flush(&mut self) {
        if self.raw.bytes.is_empty() {
            return;
        }
        let room = Vec::with_capacity(self.raw.bytes.capacity().min(RAW_MAX));
        let next = Raw {
            bytes: room,
            ..Raw::default()
        };
        self.writer.frame(std::mem::replace(&mut self.raw, next));
    }
}

/// Answers questions as another does, and notes the answers.
#[derive(Debug)]
pub struct Noting<T> {
    inner: T,
    tape: Tape,
}

impl<T> Noting<T> {
    /// Answers as this one does.
    pub const fn new(inner: T, tape: Tape) -> Self {
        Self { inner, tape }
    }
}

impl<T: FollowDirectory> FollowDirectory for Noting<T> {
    fn follow(&mut self, directory: &[u8], led_to: &mut Vec<u8>) -> bool {
        let found = self.inner.follow(directory, led_to);
        self.tape.answer(&Answer::Directory {
            asked: directory,
            led_to: found.then_some(led_to),
        });
        found
    }
}

impl<T: FindCgroup> FindCgroup for Noting<T> {
    fn find(&self, id: u64) -> FoundCgroup {
        let found = self.inner.find(id);
        self.tape.answer(&Answer::Cgroup {
            id,
            found: found.clone(),
        });
        found
    }
}
