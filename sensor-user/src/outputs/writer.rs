use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file, appended to; made with mode 0600.
    File(PathBuf),
}

/// Why an output could not be opened.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The file cannot be opened for appending.
    #[error("cannot open the output {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The writer's thread cannot be started.
    #[error("cannot start the output's thread: {0}")]
    Thread(io::Error),
}

/// What becomes of a line that finds the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It is dropped, and counted: nobody may be kept waiting.
    Drop,
    /// It waits: what comes in comes from a file. Not from within a runtime.
    Wait,
}

/// Writes lines in a thread of its own: a slow output never slows capture.
///
/// The queue is bounded. A line that finds it full, or that cannot be written,
/// is dropped whole and counted; the output never holds half a line. It grows and
/// shrinks with what waits in it: the standard library's takes the memory of a
/// full one, some megabytes, from the beginning.
#[derive(Debug)]
pub struct Writer {
    queue: Option<Sender<Bytes>>,
    when_full: WhenFull,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    lost: AtomicU64,
    written: AtomicU64,
    closed: AtomicBool,
}

impl Writer {
    /// Opens the output and starts its thread. `queue` is the number of lines
    /// that may wait.
    pub fn open(output: &Output, queue: usize, when_full: WhenFull) -> Result<Self, OutputError> {
        let sink: Box<dyn Sink + Send> = match output {
            Output::Stdout => Box::new(Stream(io::stdout())),
            Output::File(path) => {
                Box::new(Appended::open(path).map_err(|source| OutputError::Open {
                    path: path.clone(),
                    source,
                })?)
            }
        };
        let (sender, receiver) = channel(queue);
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name(String::from("output"))
            .spawn({
                let shared = Arc::clone(&shared);
                move || write_all(sink, receiver, &shared)
            })
            .map_err(OutputError::Thread)?;
        Ok(Self {
            queue: Some(sender),
            when_full,
            shared,
            thread: Some(thread),
        })
    }

    /// Queues one line, its newline included.
    pub fn line(&self, line: Bytes) {
        let Some(queue) = &self.queue else { return };
        let queued = match self.when_full {
            WhenFull::Drop => queue.try_send(line).is_ok(),
            WhenFull::Wait => queue.blocking_send(line).is_ok(),
        };
        if !queued {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines dropped so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Lines written so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::Relaxed)
    }

    /// True once the reader of a stream has gone: nothing more can be written.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }

    /// Writes what is queued and ends the thread.
    pub fn finish(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the output's thread ended by a panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Somewhere that takes whole lines.
trait Sink {
    /// Writes lines; on an error none of the last write's bytes remain.
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()>;
}

struct Stream<W>(W);

impl<W: Write> Sink for Stream<W> {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)?;
        self.0.flush()
    }
}

/// A file whose end is always the end of a line.
struct Appended {
    file: File,
    length: u64,
}

impl Appended {
    fn open(path: &PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl Sink for Appended {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A device or pipe has no length to go back to.
                if let Err(error) = self.file.set_len(self.length) {
                    tracing::debug!(%error, "the output cannot be cut back");
                }
                Err(error)
            }
        }
    }
}

/// Bytes gathered before they are written together.
const BATCH: usize = 64 << 10;

fn write_all(mut sink: Box<dyn Sink + Send>, mut queue: Receiver<Bytes>, shared: &Shared) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut failing = false;
    while let Some(first) = queue.blocking_recv() {
        batch.clear();
        batch.extend_from_slice(&first);
        let mut lines = 1;
        while batch.len() < BATCH
            && let Ok(line) = queue.try_recv()
        {
            batch.extend_from_slice(&line);
            lines += 1;
        }
        match sink.write_lines(&batch) {
            Ok(()) => {
                shared.written.fetch_add(lines, Ordering::Relaxed);
                failing = false;
            }
            Err(error) => {
                shared.lost.fetch_add(lines, Ordering::Relaxed);
                if error.kind() == ErrorKind::BrokenPipe {
                    shared.closed.store(true, Ordering::Relaxed);
                }
                if !failing {
                    tracing::error!(%error, "the output takes no records; they are counted as lost");
                }
                failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        std::fs::write(&path, "before\n").unwrap();
        let mut writer = Writer::open(&Output::File(path.clone()), 8, WhenFull::Drop).unwrap();
        writer.line(Bytes::from_static(b"one\n"));
        writer.line(Bytes::from_static(b"two\n"));
        writer.finish();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "before\none\ntwo\n"
        );
        assert_eq!((writer.written(), writer.lost()), (2, 0));
    }

    #[test]
    fn a_directory_is_no_output() {
        let directory = tempfile::tempdir().unwrap();
        let error =
            Writer::open(&Output::File(directory.path().into()), 8, WhenFull::Drop).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&directory.path().display().to_string())
        );
    }

    #[test]
    fn a_failing_output_counts_what_it_drops() {
        let mut writer =
            Writer::open(&Output::File("/dev/full".into()), 8, WhenFull::Drop).unwrap();
        writer.line(Bytes::from_static(b"one\n"));
        writer.finish();
        assert_eq!((writer.written(), writer.lost()), (0, 1));
    }
}
