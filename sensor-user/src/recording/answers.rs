use std::{cell::RefCell, num::NonZeroUsize, rc::Rc};

use lru::LruCache;

use super::Answer;
use crate::{
    bound::non_zero,
    capture::{FindCgroup, FollowDirectory, FoundCgroup},
    event::{ProcessId, Reads, Unrecorded},
};

/// Cgroups whose path is remembered: eight times what the table of containers
/// remembers.
const CGROUPS: NonZeroUsize = non_zero(65_536);

/// Answers in the place of the machine that was recorded.
///
/// Directories and numbers belong to the input that they were asked for. A question
/// that was not asked then has no answer, as if the machine had known none: a sensor
/// that asks others than the one that recorded sees a little less.
#[derive(Clone, Debug)]
pub struct Answers(Rc<RefCell<Known>>);

#[derive(Debug)]
struct Known {
    /// Of this input.
    directories: Vec<Directory>,
    unrecorded: Vec<Unrecorded>,
    reads: Vec<Reads>,
    /// Of all inputs: a cgroup's id is not given out again.
    cgroups: LruCache<u64, FoundCgroup>,
    missing: u64,
}

#[derive(Debug)]
struct Directory {
    asked: Box<[u8]>,
    led_to: Option<Box<[u8]>>,
}

impl Answers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(Known {
            directories: Vec::new(),
            unrecorded: Vec::new(),
            reads: Vec::new(),
            cgroups: LruCache::new(CGROUPS),
            missing: 0,
        })))
    }

    /// Forgets those of the input before.
    pub(super) fn next_input(&self) {
        let mut known = self.0.borrow_mut();
        known.directories.clear();
        known.unrecorded.clear();
        known.reads.clear();
    }

    /// Takes in one of the input that is next.
    pub(super) fn add(&self, answer: Answer<'_>) {
        let mut known = self.0.borrow_mut();
        match answer {
            Answer::Directory { asked, led_to } => {
                known.directories.push(Directory {
                    asked: asked.into(),
                    led_to: led_to.map(Into::into),
                });
            }
            Answer::Cgroup { id, found } => {
                known.cgroups.put(id, found);
            }
            Answer::Unrecorded(acts) => known.unrecorded.push(acts),
            Answer::Reads(reads) => known.reads.push(reads),
        }
    }

    /// Moves what a process did without a record, as far as it was read with this
    /// input, into `told`.
    pub fn unrecorded_of(&self, process: ProcessId, told: &mut Vec<Unrecorded>) {
        let unrecorded = &mut self.0.borrow_mut().unrecorded;
        told.extend(unrecorded.extract_if(.., |acts| acts.process == process));
    }

    /// The same of all processes.
    pub fn unrecorded(&self, told: &mut Vec<Unrecorded>) {
        told.append(&mut self.0.borrow_mut().unrecorded);
    }

    /// Takes out what a process opened only to read it, as far as it was read with
    /// this input.
    #[must_use]
    pub fn reads_of(&self, process: ProcessId) -> Option<Reads> {
        let reads = &mut self.0.borrow_mut().reads;
        let place = reads.iter().position(|reads| reads.process == process)?;
        Some(reads.remove(place))
    }

    /// The same of all processes.
    #[must_use]
    pub fn reads(&self) -> Vec<Reads> {
        std::mem::take(&mut self.0.borrow_mut().reads)
    }

    /// Questions that the recording has no answer to, so far.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.0.borrow().missing
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}

impl FollowDirectory for Answers {
    fn follow(&mut self, directory: &[u8], led_to: &mut Vec<u8>) -> bool {
        let mut known = self.0.borrow_mut();
        let answer = known
            .directories
            .iter()
            .find(|known| *known.asked == *directory)
            .map(|known| known.led_to.as_deref());
        match answer {
            Some(Some(answer)) => {
                led_to.extend_from_slice(answer);
                true
            }
            Some(None) => false,
            None => {
                known.missing += 1;
                false
            }
        }
    }
}

impl FindCgroup for Answers {
    fn find(&self, id: u64) -> FoundCgroup {
        let mut known = self.0.borrow_mut();
        if let Some(found) = known.cgroups.get(&id) {
            return found.clone();
        }
        known.missing += 1;
        FoundCgroup::Unknown
    }
}
