//! Threads that keep every processor busy.

use std::{
    hint::spin_loop,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, anyhow};

use super::{load, machine, pinning::Pinned};

/// One thread for each processor, until this is dropped.
pub(super) struct Busy {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Busy {
    /// Threads that compute, and make no system call.
    pub(super) fn computing() -> Result<Self> {
        Self::start(|over| {
            while !over.load(Ordering::Relaxed) {
                spin_loop();
            }
            Ok(())
        })
    }

    /// Threads that create and remove files as fast as they can.
    pub(super) fn flooding(directory: &Path) -> Result<Self> {
        let directory = directory.to_owned();
        Self::start(move |over| {
            let mut load = load::create_unlink(&directory);
            while !over.load(Ordering::Relaxed) {
                load.flat_out(Duration::from_millis(20))?;
            }
            Ok(())
        })
    }

    fn start(work: impl Fn(&AtomicBool) -> Result<()> + Clone + Send + 'static) -> Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..machine::cores()?)
            .map(|core| {
                let (over, work) = (Arc::clone(&over), work.clone());
                thread::spawn(move || {
                    let _pinned = Pinned::to(core)?;
                    work(&over)
                })
            })
            .collect();
        Ok(Self { over, threads })
    }

    /// Ends the threads; an error if one could not do its work.
    pub(super) fn stop(mut self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.drain(..).try_for_each(|thread| {
            let result = thread.join();
            result.map_err(|_| anyhow!("a thread that keeps a processor busy panicked"))?
        })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // Without waiting: whoever drops it is on the way out with an error of their own.
        self.over.store(true, Ordering::Relaxed);
    }
}
