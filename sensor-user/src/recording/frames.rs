use std::io::{self, Read};

use zstd::bulk::Decompressor;

use super::{
    RecordingError,
    about::About,
    frame::{ABOUT_MAX, FrameKind, HEAD, Head, MAGIC, PREFIX, VERSION, u32_at},
    writer::Totals,
};

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Whole(Totals),
    /// It was cut: the sensor was killed, or the machine stopped.
    Cut {
        /// Whole frames.
        frames: u64,
        /// Byte of the file where the last whole frame ends.
        offset: u64,
    },
}

/// The frames of a recording, in their order. Reads no more than one at a time,
/// whatever the file says of its lengths.
#[derive(Debug)]
pub struct Frames<R> {
    source: R,
    offset: u64,
    /// Number of the next frame.
    next: u64,
    /// Inputs that are missing so far.
    lost: u64,
    stored: Vec<u8>,
    decoder: Decoder,
    ending: Option<Ending>,
}

impl<R: Read> Frames<R> {
    /// Reads the header.
    pub fn open(mut source: R) -> Result<(About, Self), RecordingError> {
        let mut prefix = [0; PREFIX];
        let found = read_up_to(&mut source, &mut prefix, 0)?;
        let cut = |found: usize| RecordingError::NoHeader {
            found: found as u64,
        };
        let common = found.min(MAGIC.len());
        if prefix[..common] != MAGIC[..common] || found == 0 {
            return Err(RecordingError::Foreign);
        }
        if found < PREFIX {
            return Err(cut(found));
        }
        let version = u32_at(&prefix, 8);
        if version != VERSION {
            return Err(RecordingError::Version {
                found: version,
                own: VERSION,
            });
        }
        let length = u32_at(&prefix, 12) as usize;
        let damaged = |reason: String| RecordingError::Header { reason };
        if length > ABOUT_MAX {
            return Err(damaged(format!(
                "it has {length} bytes, allowed are {ABOUT_MAX}"
            )));
        }
        let mut text = vec![0; length];
        let there = read_up_to(&mut source, &mut text, PREFIX as u64)?;
        if there < length {
            return Err(cut(PREFIX + there));
        }
        if crc32fast::hash(&text) != u32_at(&prefix, 16) {
            return Err(damaged(String::from("its checksum does not agree")));
        }
        let about = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let frames = Self {
            source,
            offset: (PREFIX + length) as u64,
            next: 0,
            lost: 0,
            stored: Vec::new(),
            decoder: Decoder::new()?,
            ending: None,
        };
        Ok((about, frames))
    }

    /// The items of the next frame; `None` at the end, whose sort
    /// [`Frames::ending`] tells.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, RecordingError> {
        if self.ending.is_some() {
            return Ok(None);
        }
        let mut bytes = [0; HEAD];
        let found = read_up_to(&mut self.source, &mut bytes, self.offset)?;
        if found < HEAD || self.is_blank(&bytes)? {
            return Ok(self.cut());
        }
        let head = Head::from_bytes(&bytes).map_err(|reason| self.damaged(reason))?;
        if head.sequence != self.next {
            return Err(self.damaged(format!("it says that it is frame {}", head.sequence)));
        }
        self.stored.resize(head.stored as usize, 0);
        let at = self.offset + HEAD as u64;
        let found = read_up_to(&mut self.source, &mut self.stored, at)?;
        if found < self.stored.len() {
            return Ok(self.cut());
        }
        if crc32fast::hash(&self.stored) != head.checksum {
            return Err(self.damaged(String::from("its checksum does not agree")));
        }
        let raw = self.decoder.decode(&self.stored, head.raw as usize);
        let raw = raw.map_err(|reason| self.damaged(reason))?;
        self.lost = self.lost.saturating_add(head.lost_before);
        match head.kind {
            FrameKind::Items => {
                self.offset += (HEAD + self.stored.len()) as u64;
                self.next += 1;
                Ok(Some(raw))
            }
            FrameKind::End => {
                let totals: Totals = serde_json::from_slice(&raw)
                    .map_err(|error| self.damaged(error.to_string()))?;
                if totals.frames != self.next {
                    return Err(self.damaged(format!(
                        "it ends a recording of {} frames, {} are there",
                        totals.frames, self.next
                    )));
                }
                self.offset += (HEAD + self.stored.len()) as u64;
                self.require_nothing_more()?;
                self.ending = Some(Ending::Whole(totals));
                Ok(None)
            }
        }
    }

    /// How it ended; `None` before the end was reached.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Inputs that are missing in what was read so far.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Number of the last frame that was read.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// Bytes read so far, in whole frames.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    fn cut(&mut self) -> Option<Vec<u8>> {
        self.ending = Some(Ending::Cut {
            frames: self.next,
            offset: self.offset,
        });
        None
    }

    fn damaged(&self, reason: String) -> RecordingError {
        RecordingError::Damaged {
            number: self.next,
            offset: self.offset,
            reason,
        }
    }

    /// Whether nothing but zeros follows: a file that was made longer before the
    /// machine stopped, and not yet written to.
    fn is_blank(&mut self, head: &[u8; HEAD]) -> Result<bool, RecordingError> {
        if head.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        let mut at = self.offset + HEAD as u64;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let found = read_up_to(&mut self.source, &mut buffer, at)?;
            if buffer[..found].iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            if found < buffer.len() {
                return Ok(true);
            }
            at += found as u64;
        }
    }

    fn require_nothing_more(&mut self) -> Result<(), RecordingError> {
        let mut buffer = [0; HEAD];
        let bytes = read_up_to(&mut self.source, &mut buffer, self.offset)?;
        if bytes == 0 {
            return Ok(());
        }
        Err(RecordingError::Trailing {
            offset: self.offset,
            bytes,
        })
    }
}

/// Fills the buffer as far as the source has bytes, and says how far.
fn read_up_to(
    source: &mut impl Read,
    buffer: &mut [u8],
    offset: u64,
) -> Result<usize, RecordingError> {
    let mut found = 0;
    while found < buffer.len() {
        match source.read(&mut buffer[found..]) {
            Ok(0) => break,
            Ok(read) => found += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(RecordingError::Read {
                    offset: offset + found as u64,
                    source,
                });
            }
        }
    }
    Ok(found)
}

/// Unpacks frames, never into more bytes than there may be.
struct Decoder(Decompressor<'static>);

impl Decoder {
    fn new() -> Result<Self, RecordingError> {
        Decompressor::new()
            .map(Self)
            .map_err(|source| RecordingError::Read { offset: 0, source })
    }

    fn decode(&mut self, stored: &[u8], raw: usize) -> Result<Vec<u8>, String> {
        // All at once into this room: nothing else is set aside, whatever the frame
        // says of its window.
        let mut bytes = vec![0; raw];
        let found = self
            .0
            .decompress_to_buffer(stored, bytes.as_mut_slice())
            .map_err(|error| format!("it cannot be unpacked: {error}"))?;
        if found == raw {
            Ok(bytes)
        } else {
            Err(format!(
                "it has {found} bytes unpacked, its head says {raw}"
            ))
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Decoder")
    }
}
