use std::{
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    time::{Duration, Instant},
};

use super::{Certainty, Executed, Hashed, cache::HashCache, worker::Worker};
use crate::{
    event::Mount,
    state::{Image, Sha256},
};

/// Programs that wait to be hashed, or whose answer was not yet taken. A build
/// starts some hundred different ones a second at most, and most are known.
const WAITING_MAX: usize = 1_024;

/// How long the end of a run waits for answers.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What was hashed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashCounts {
    /// Hashes that were computed.
    pub computed: u64,
    /// Programs that were not hashed as too many waited.
    pub skipped: u64,
}

/// Knows the hashes of executables, and has a thread find out those that it
/// does not know.
#[derive(Debug)]
pub struct Hasher {
    requests: Option<SyncSender<Executed>>,
    answers: Receiver<Hashed>,
    cache: Arc<HashCache>,
    stop: Arc<AtomicBool>,
    /// Requests without an answer that was taken.
    waiting: usize,
    /// Answers that were taken, and say [`Certainty::IfStillRunning`].
    unsure: Vec<Hashed>,
    counts: HashCounts,
}

impl Hasher {
    /// Starts the thread. `limit` is the size in bytes of the largest file that
    /// is hashed.
    pub fn start(limit: u64) -> io::Result<Self> {
        let (requests, receiver) = sync_channel(WAITING_MAX);
        let (sender, answers) = channel();
        let cache = Arc::new(HashCache::new());
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            requests: receiver,
            answers: sender,
            cache: Arc::clone(&cache),
            limit,
            stop: Arc::clone(&stop),
        };
        // Never joined: a disk may keep it waiting, and the end of a run not.
        std::thread::Builder::new()
            .name(String::from("hash"))
            .spawn(move || worker.run())?;
        Ok(Self {
            requests: Some(requests),
            answers,
            cache,
            stop,
            waiting: 0,
            unsure: Vec::new(),
            counts: HashCounts::default(),
        })
    }

    /// The hash of an executable, where it is known.
    #[must_use]
    pub fn known(&self, image: &Image) -> Option<Sha256> {
        self.cache.get(image)
    }

    /// Asks for a hash; skipped and counted when too many wait.
    pub fn request(&mut self, executed: Executed) {
        let sent = self.waiting < WAITING_MAX
            && self
                .requests
                .as_ref()
                .is_some_and(|requests| requests.try_send(executed).is_ok());
        if sent {
            self.waiting += 1;
        } else {
            self.counts.skipped += 1;
        }
    }

    /// Takes in that something was mounted: a new file system may have the
    /// device number of an earlier one, and files with the same numbers and
    /// times.
    pub fn mounted(&self, mount: &Mount<'_>) {
        if !mount.subject.failed() && brings_files(mount) {
            self.forget();
        }
    }

    /// Forgets every hash: a mount may have been missed.
    pub fn forget(&self) {
        self.cache.clear();
    }

    /// The answers that came. Those that are true only if the process still runs
    /// the program are held back until the next call that has `caught_up`: that
    /// every record of before was processed, and with it the news of another
    /// program.
    pub fn answers(&mut self, caught_up: bool) -> Vec<Hashed> {
        let mut ready = if caught_up {
            mem::take(&mut self.unsure)
        } else {
            Vec::new()
        };
        while let Ok(hashed) = self.answers.try_recv() {
            match hashed.outcome {
                Ok((_, Certainty::IfStillRunning)) => self.unsure.push(hashed),
                Ok((_, Certainty::Unchanged { .. })) | Err(_) => ready.push(hashed),
            }
        }
        self.answered(&ready);
        ready
    }

    /// Ends the thread, and gives the last answers; what takes too long is
    /// counted as skipped. Those that are not sure remain so.
    pub fn finish(&mut self) -> Vec<Hashed> {
        self.requests = None;
        let end = Instant::now() + LAST_ANSWERS;
        let mut ready = mem::take(&mut self.unsure);
        while ready.len() < self.waiting {
            let left = end.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                Ok(hashed) => ready.push(hashed),
                Err(_) => break,
            }
        }
        self.stop.store(true, Ordering::Relaxed);
        self.answered(&ready);
        self.counts.skipped += mem::take(&mut self.waiting) as u64;
        ready
    }

    fn answered(&mut self, ready: &[Hashed]) {
        self.waiting -= ready.len().min(self.waiting);
        let computed = ready.iter().filter(|hashed| hashed.outcome.is_ok());
        self.counts.computed += computed.count() as u64;
    }

    /// What was hashed since the start.
    #[must_use]
    pub fn counts(&self) -> HashCounts {
        self.counts
    }
}

/// True unless a mount only shows files that were there, or is of a type whose
/// files get their times on this machine.
fn brings_files(mount: &Mount<'_>) -> bool {
    /// `MS_REMOUNT`, `MS_BIND`, `MS_MOVE` and the changes of propagation
    /// (`include/uapi/linux/mount.h`).
    const NO_FILES: u32 = 0x20 | 0x1000 | 0x2000 | 0x2_0000 | 0x4_0000 | 0x8_0000 | 0x10_0000;
    const OWN_TIMES: [&[u8]; 11] = [
        b"binfmt_misc",
        b"bpf",
        b"cgroup",
        b"cgroup2",
        b"devpts",
        b"devtmpfs",
        b"mqueue",
        b"proc",
        b"sysfs",
        b"tmpfs",
        b"tracefs",
    ];
    mount.flags & NO_FILES == 0 && !OWN_TIMES.contains(&mount.filesystem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::FileSubject,
        hash::test_support::{Program, executed},
    };

    fn wait(hasher: &mut Hasher) -> Vec<Hashed> {
        let end = Instant::now() + Duration::from_mins(1);
        while Instant::now() < end {
            let ready = hasher.answers(true);
            if !ready.is_empty() {
                return ready;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no answer came");
    }

    /// `MS_BIND`
    const BIND: u32 = 0x1000;

    #[test]
    fn an_executable_is_hashed_once_and_then_known() {
        let program = Program::settled();
        let executed = executed(&program);
        let mut hasher = Hasher::start(1 << 30).unwrap();
        assert_eq!(hasher.known(&executed.image), None);
        hasher.request(executed.clone());
        let [hashed] = wait(&mut hasher).try_into().unwrap();
        assert_eq!(hashed.executed.process, executed.process);
        let (hash, _) = hashed.outcome.unwrap();
        assert_eq!(hash, program.hash());
        assert_eq!(hasher.known(&executed.image), Some(hash));
        let counts = HashCounts {
            computed: 1,
            skipped: 0,
        };
        assert_eq!(hasher.counts(), counts);

        let mount = |filesystem, flags, result| Mount {
            subject: FileSubject {
                result: Some(result),
                ..FileSubject::default()
            },
            source: b"",
            filesystem,
            flags,
        };
        for harmless in [
            mount(&b"tmpfs"[..], 0, 0),
            mount(b"ext4", 0, -1),
            mount(b"", BIND, 0),
        ] {
            hasher.mounted(&harmless);
            assert!(hasher.known(&executed.image).is_some());
        }
        hasher.mounted(&mount(b"squashfs", 0, 0));
        assert_eq!(hasher.known(&executed.image), None);
    }

    #[test]
    fn what_may_change_within_its_second_is_not_remembered() {
        let program = Program::new(b"#!/bin/sh\n");
        let executed = executed(&program);
        let mut hasher = Hasher::start(1 << 30).unwrap();
        hasher.request(executed.clone());
        let [hashed] = wait(&mut hasher).try_into().unwrap();
        assert_eq!(hashed.outcome.unwrap().0, program.hash());
        assert_eq!(hasher.known(&executed.image), None);
    }

    #[test]
    fn what_finds_too_many_waiting_is_counted() {
        let program = Program::new(b"x");
        let executed = executed(&program);
        let mut hasher = Hasher::start(1 << 30).unwrap();
        for _ in 0..WAITING_MAX + 5 {
            hasher.request(executed.clone());
        }
        assert_eq!(hasher.counts().skipped, 5);
        let given = hasher.finish().len() as u64;
        let counts = hasher.counts();
        assert_eq!(given, counts.computed);
        assert_eq!(counts.computed + counts.skipped, WAITING_MAX as u64 + 5);
        // Nothing is asked for any more.
        hasher.request(executed);
        assert_eq!(hasher.counts().skipped, counts.skipped + 1);
    }

    #[test]
    fn what_depends_on_who_runs_is_held_back_until_all_is_known() {
        let program = Program::new(b"x");
        let mut hasher = Hasher::start(1 << 30).unwrap();
        let unsure = Hashed {
            executed: executed(&program),
            outcome: Ok((program.hash(), Certainty::IfStillRunning)),
        };
        let (sender, answers) = channel();
        hasher.answers = answers;
        hasher.waiting = 1;
        sender.send(unsure).unwrap();
        assert!(hasher.answers(true).is_empty());
        assert!(hasher.answers(false).is_empty());
        assert_eq!(hasher.waiting, 1);
        assert_eq!(hasher.answers(true).len(), 1);
        assert_eq!(hasher.waiting, 0);
    }
}
