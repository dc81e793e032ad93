//! Boots machines, some at a time, and follows each to its end.

use std::{
    fs::{self, File},
    io::{self, BufWriter, PipeReader, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    console::{Console, End, Findings},
    kernel::Kernel,
    machine::Boot,
    qemu::{self, Clock},
};

/// What every machine is booted with.
pub(super) struct Rack<'a> {
    pub(super) qemu: &'a Path,
    pub(super) initramfs: &'a Path,
    pub(super) logs: &'a Path,
    pub(super) clock: Clock,
    /// After this long a machine is switched off.
    pub(super) limit: Duration,
    /// So is one that says nothing for as long as this.
    pub(super) patience: Duration,
}

/// A machine that ran, or could not be started.
pub(super) struct Finished<'a> {
    pub(super) boot: &'a Boot,
    pub(super) findings: Findings,
    pub(super) time: Duration,
    pub(super) log: PathBuf,
}

impl Rack<'_> {
    /// Boots all of them, so many at a time, and returns them in their order.
    pub(super) fn run<'a>(
        &self,
        machines: &'a [(Boot, Kernel)],
        at_once: usize,
    ) -> Result<Vec<Finished<'a>>> {
        let waiting = Mutex::new(machines.iter().enumerate());
        let finished = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..at_once.clamp(1, machines.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let next = lock(&waiting).next();
                        let Some((number, (boot, kernel))) = next else {
                            return;
                        };
                        let result = self.boot(boot, kernel);
                        lock(&finished).push((number, result));
                    }
                });
            }
        });
        let mut finished = finished
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        finished.sort_by_key(|(number, _)| *number);
        finished.into_iter().map(|(_, result)| result).collect()
    }

    fn boot<'a>(&self, boot: &'a Boot, kernel: &Kernel) -> Result<Finished<'a>> {
        let name = boot.name.as_str();
        let log = self.logs.join(format!("{}.log", boot.file_name()));
        let start = Instant::now();
        let (guest, output) = qemu::start(
            self.qemu,
            boot,
            self.clock,
            &kernel.image()?,
            self.initramfs,
        )
        .with_context(|| format!("boot {name}"))?;
        let mut follower = Follower {
            name,
            start,
            log: BufWriter::new(
                File::create(&log).with_context(|| format!("create {}", log.display()))?,
            ),
            console: Console::default(),
            partial: Vec::new(),
        };
        writeln!(follower.log, "{}", guest.command)
            .with_context(|| format!("write {}", log.display()))?;
        let end = follower
            .follow(&chunks(output), self.limit, self.patience)
            .with_context(|| format!("write {}", log.display()))?;
        drop(guest);
        let findings = follower.console.finish(end, boot);
        Ok(Finished {
            boot,
            findings,
            time: start.elapsed(),
            log,
        })
    }
}

/// Shows, keeps and reads what a guest says.
struct Follower<'a> {
    name: &'a str,
    start: Instant,
    log: BufWriter<File>,
    console: Console,
    /// A line that has not come to its end.
    partial: Vec<u8>,
}

impl Follower<'_> {
    fn follow(
        &mut self,
        chunks: &Receiver<Vec<u8>>,
        limit: Duration,
        silence: Duration,
    ) -> io::Result<End> {
        loop {
            let left = limit.saturating_sub(self.start.elapsed());
            if left.is_zero() {
                self.line()?;
                return Ok(End::TooLong(limit.as_secs()));
            }
            let patience = left.min(silence);
            match chunks.recv_timeout(patience) {
                Ok(bytes) => self.take(&bytes)?,
                Err(RecvTimeoutError::Timeout) if patience < silence => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.line()?;
                    return Ok(End::Silent(silence.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.line()?;
                    return Ok(End::Off);
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            match byte {
                b'\n' => self.line()?,
                // Serial lines end with both; and a program may clear a screen that is not there.
                b'\r' | 0x1b => {}
                _ => self.partial.push(byte),
            }
        }
        self.log.flush()
    }

    fn line(&mut self) -> io::Result<()> {
        if self.partial.is_empty() {
            return Ok(());
        }
        // A test may print what is not UTF-8.
        let line = String::from_utf8_lossy(&self.partial).into_owned();
        self.partial.clear();
        let seconds = self.start.elapsed().as_secs_f64();
        writeln!(self.log, "{seconds:7.2} {line}")?;
        if self.console.line(&line) {
            // One call, so that lines of several machines stay whole.
            println!("[{}] {line}", self.name);
        }
        Ok(())
    }
}

/// What comes out of the pipe, without blocking whoever waits for it.
fn chunks(mut output: PipeReader) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A thread that panicked is reported by the scope; what it held is whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the folder for logs, empty of what earlier runs left.
pub(super) fn clear(folder: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))
}
