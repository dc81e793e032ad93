//! The form of the file: a header, frames, and a last frame with totals.

use super::{RecordingError, about::About};

/// The first bytes of a recording.
pub(super) const MAGIC: [u8; 8] = *b"SNSRREC\x1a";
/// Version of the file's form and of the items' form. A reader refuses every
/// other one.
pub(super) const VERSION: u32 = 1;
/// Bytes before the header's text: magic, version, length, checksum.
pub(super) const PREFIX: usize = 8 + 4 + 4 + 4;
/// Bytes of the header's text at most.
pub(super) const ABOUT_MAX: usize = 64 << 10;

/// Bytes of items after which a frame is closed before the next input.
pub const FRAME_BYTES: usize = 256 << 10;
/// Bytes of items in a frame at most.
pub const RAW_MAX: usize = 512 << 10;
/// Bytes of a compressed frame at most: what cannot be compressed grows a little.
pub const STORED_MAX: usize = RAW_MAX + (4 << 10);

const FRAME_MAGIC: [u8; 4] = *b"RFRM";
/// Bytes of a frame's head.
pub(super) const HEAD: usize = 40;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Items.
    Items = 1,
    /// Totals; nothing follows.
    End = 2,
}

/// The head of a frame, which its compressed bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: FrameKind,
    /// Number of the frame, the first one being 0.
    pub(super) sequence: u64,
    /// Bytes before compression.
    pub(super) raw: u32,
    /// Bytes that follow.
    pub(super) stored: u32,
    /// Inputs that were lost between the frame before and this one.
    pub(super) lost_before: u64,
    /// CRC-32 (IEEE 802.3) of the bytes that follow.
    pub(super) checksum: u32,
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let parts: [&[u8]; 8] = [
            &FRAME_MAGIC,
            &[self.kind as u8, 0, 0, 0],
            &self.sequence.to_le_bytes(),
            &self.raw.to_le_bytes(),
            &self.stored.to_le_bytes(),
            &self.lost_before.to_le_bytes(),
            &self.checksum.to_le_bytes(),
            &[0; 4],
        ];
        let mut at = 0;
        for part in parts {
            if let Some(place) = bytes.get_mut(at..at + part.len()) {
                place.copy_from_slice(part);
            }
            at += part.len();
        }
        let checksum = crc32fast::hash(&bytes[..HEAD - 4]).to_le_bytes();
        bytes[HEAD - 4..].copy_from_slice(&checksum);
        bytes
    }

    /// The head in these bytes; else what is wrong with them.
    pub(super) fn from_bytes(bytes: &[u8; HEAD]) -> Result<Self, String> {
        let checksum = crc32fast::hash(&bytes[..HEAD - 4]);
        if u32_at(bytes, HEAD - 4) != checksum {
            return Err(String::from("the checksum of its head does not agree"));
        }
        if bytes[..4] != FRAME_MAGIC {
            return Err(String::from("it does not begin as a frame does"));
        }
        let kind = match bytes[4..8] {
            [1, 0, 0, 0] => FrameKind::Items,
            [2, 0, 0, 0] => FrameKind::End,
            [kind, ..] => return Err(format!("it is of kind {kind}, known are 1 and 2")),
            [] => return Err(String::from("it has no kind")),
        };
        let head = Self {
            kind,
            sequence: u64_at(bytes, 8),
            raw: u32_at(bytes, 16),
            stored: u32_at(bytes, 20),
            lost_before: u64_at(bytes, 24),
            checksum: u32_at(bytes, 32),
        };
        for (what, found, most) in [
            ("uncompressed", head.raw, RAW_MAX),
            ("compressed", head.stored, STORED_MAX),
        ] {
            if found as usize > most {
                return Err(format!("it has {found} bytes {what}, allowed are {most}"));
            }
        }
        Ok(head)
    }
}

/// The file's first bytes.
pub(super) fn prologue(about: &About) -> Result<Vec<u8>, RecordingError> {
    let damaged = |reason: String| RecordingError::Header { reason };
    let text = serde_json::to_vec(about).map_err(|error| damaged(error.to_string()))?;
    let length = u32::try_from(text.len())
        .ok()
        .filter(|&length| length as usize <= ABOUT_MAX)
        .ok_or_else(|| damaged(format!("it has {} bytes", text.len())))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(crc32fast::hash(&text).to_le_bytes());
    bytes.extend(text);
    Ok(bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array_at(bytes, at).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array_at(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
