//! The thread that compresses and writes.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use super::{
    RecordingError,
    frame::{FrameKind, HEAD, Head},
};

/// Frames that wait at most: 16 MiB.
pub const QUEUE_FRAMES: usize = 64;

/// How hard frames are packed: libzstd's default, some hundred megabytes a second.
const LEVEL: i32 = 3;

/// What a recording holds, as its last frame tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Frames before the last one.
    pub frames: u64,
    /// What the pipeline took in, records included.
    pub inputs: u64,
    /// Records from the rings.
    pub records: u64,
    /// Bytes before compression.
    pub raw: u64,
    /// Inputs that are missing: they found no room in the queue, or could not be
    /// written.
    pub lost: u64,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written, the header included.
    pub bytes: u64,
    /// Inputs written.
    pub inputs: u64,
    /// Records written.
    pub records: u64,
    /// Inputs lost.
    pub lost: u64,
}

/// Items, to be written.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    pub(super) inputs: u64,
    pub(super) records: u64,
}

enum Message {
    Frame {
        raw: Raw,
        /// Inputs lost since the frame before.
        lost_before: u64,
    },
    End {
        /// Inputs lost since the last frame.
        lost_before: u64,
    },
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    inputs: AtomicU64,
    records: AtomicU64,
    lost: AtomicU64,
}

/// The near end of the queue.
#[derive(Debug)]
pub(super) struct Writer {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Totals, RecordingError>>>,
    /// Inputs lost since the last frame that found room.
    lost_before: u64,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Message")
    }
}

/// Starts the thread. `length` bytes of the file are written already.
pub(super) fn start(file: File, length: u64) -> Result<Writer, RecordingError> {
    let compressor = Compressor::new(LEVEL).map_err(RecordingError::Thread)?;
    let (queue, receiver) = sync_channel(QUEUE_FRAMES);
    let shared = Arc::new(Shared::default());
    shared.bytes.store(length, Ordering::Relaxed);
    let thread = std::thread::Builder::new()
        .name(String::from("recording"))
        .spawn({
            let shared = Arc::clone(&shared);
            move || Frames::new(file, compressor, length, shared).write_all(&receiver)
        })
        .map_err(RecordingError::Thread)?;
    Ok(Writer {
        queue,
        shared,
        thread: Some(thread),
        lost_before: 0,
    })
}

impl Writer {
    /// Queues a frame. One that finds no room is lost.
    pub(super) fn frame(&mut self, raw: Raw) {
        let inputs = raw.inputs;
        let message = Message::Frame {
            raw,
            lost_before: self.lost_before,
        };
        match self.queue.try_send(message) {
            Ok(()) => self.lost_before = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.lose(inputs),
        }
    }

    /// Counts inputs that are not in the recording.
    pub(super) fn lose(&mut self, inputs: u64) {
        self.lost_before += inputs;
        self.shared.lost.fetch_add(inputs, Ordering::Relaxed);
    }

    pub(super) fn progress(&self) -> Progress {
        let Shared {
            bytes,
            inputs,
            records,
            lost,
        } = &*self.shared;
        Progress {
            bytes: bytes.load(Ordering::Relaxed),
            inputs: inputs.load(Ordering::Relaxed),
            records: records.load(Ordering::Relaxed),
            lost: lost.load(Ordering::Relaxed),
        }
    }

    /// Waits until all is written, the totals last.
    pub(super) fn finish(&mut self) -> Result<Totals, RecordingError> {
        let end = |reason: &str| RecordingError::End {
            reason: reason.to_owned(),
        };
        let lost_before = self.lost_before;
        // Here it may wait: nothing is captured any more.
        let sent = self.queue.send(Message::End { lost_before });
        let thread = self
            .thread
            .take()
            .ok_or_else(|| end("it is over already"))?;
        let written = thread
            .join()
            .map_err(|_| end("the recording's thread ended by a panic"))?;
        sent.map_err(|_| end("the recording's thread has ended"))?;
        written
    }
}

/// The far end: the file.
struct Frames {
    file: File,
    compressor: Compressor<'static>,
    /// Bytes of whole frames, and of the header.
    length: u64,
    totals: Totals,
    /// Inputs of frames that could not be written, since the last one that could.
    lost_before: u64,
    shared: Arc<Shared>,
    failing: bool,
    /// Half a frame is in the file and cannot be taken out: nothing may follow it.
    broken: bool,
}

impl Frames {
    fn new(file: File, compressor: Compressor<'static>, length: u64, shared: Arc<Shared>) -> Self {
        Self {
            file,
            compressor,
            length,
            totals: Totals::default(),
            lost_before: 0,
            shared,
            failing: false,
            broken: false,
        }
    }

    /// Writes what comes until the end comes. Without one the file has none either:
    /// whoever reads it sees that it was cut.
    fn write_all(mut self, queue: &Receiver<Message>) -> Result<Totals, RecordingError> {
        while let Ok(message) = queue.recv() {
            match message {
                Message::Frame { raw, lost_before } => {
                    self.lost_before += lost_before;
                    self.totals.lost += lost_before;
                    self.items(&raw);
                }
                Message::End { lost_before } => {
                    self.lost_before += lost_before;
                    self.totals.lost += lost_before;
                    return self.end();
                }
            }
        }
        Ok(self.totals)
    }

    fn items(&mut self, raw: &Raw) {
        match self.write(FrameKind::Items, &raw.bytes) {
            Ok(()) => {
                self.totals.frames += 1;
                self.totals.inputs += raw.inputs;
                self.totals.records += raw.records;
                self.totals.raw += raw.bytes.len() as u64;
                self.shared.inputs.fetch_add(raw.inputs, Ordering::Relaxed);
                self.shared
                    .records
                    .fetch_add(raw.records, Ordering::Relaxed);
                self.failing = false;
            }
            Err(error) => {
                self.lost_before += raw.inputs;
                self.totals.lost += raw.inputs;
                self.shared.lost.fetch_add(raw.inputs, Ordering::Relaxed);
                if !self.failing {
                    tracing::error!(%error, "the recording takes nothing; inputs are counted as lost");
                }
                self.failing = true;
            }
        }
    }

    fn end(mut self) -> Result<Totals, RecordingError> {
        let end = |error: io::Error| RecordingError::End {
            reason: error.to_string(),
        };
        let text = serde_json::to_vec(&self.totals).map_err(|error| end(error.into()))?;
        self.write(FrameKind::End, &text).map_err(end)?;
        match self.file.sync_all() {
            // A pipe or a device.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
            other => other.map_err(end)?,
        }
        Ok(self.totals)
    }

    /// Writes a frame; on an error none of its bytes remain.
    fn write(&mut self, kind: FrameKind, raw: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier frame is there by half"));
        }
        let compressed = self.compressor.compress(raw)?;
        let too_long = |_| io::Error::other("a frame is too long");
        let head = Head {
            kind,
            sequence: self.totals.frames,
            raw: u32::try_from(raw.len()).map_err(too_long)?,
            stored: u32::try_from(compressed.len()).map_err(too_long)?,
            lost_before: self.lost_before,
            checksum: crc32fast::hash(&compressed),
        };
        let written = self
            .file
            .write_all(&head.to_bytes())
            .and_then(|()| self.file.write_all(&compressed));
        if let Err(error) = written {
            let cut = self
                .file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            self.broken = cut.is_err();
            return Err(error);
        }
        self.lost_before = 0;
        self.length += (HEAD + compressed.len()) as u64;
        self.shared.bytes.store(self.length, Ordering::Relaxed);
        Ok(())
    }
}
