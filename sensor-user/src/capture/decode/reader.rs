use sensor_common::flags;
use zerocopy::FromBytes;

use super::DecodeError;
use crate::event::RecordPath;

/// A record without its header.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    /// Fixed part and tail.
    pub(super) bytes: &'a [u8],
    /// Bits of [`flags`].
    pub(super) flags: u16,
}

impl<'a> Body<'a> {
    /// The fixed part and what follows it.
    pub(super) fn split<T: FromBytes>(self) -> Result<(T, Tail<'a>), DecodeError> {
        let (record, tail) = fixed::<T>(self.bytes)?;
        Ok((record, Tail(tail)))
    }

    /// A result, which means nothing in a record that was made before the act, or
    /// beside the number that its call returned.
    pub(super) const fn result(self, result: i32) -> Option<i32> {
        if self.has(flags::ATTEMPT | flags::RESULT_UNKNOWN) {
            None
        } else {
            Some(result)
        }
    }

    /// True when the record carries this flag.
    pub(super) const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// The structure at the start of these bytes, and what follows it.
pub(super) fn fixed<T: FromBytes>(bytes: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(bytes).map_err(|_| DecodeError::Torn {
        found: bytes.len(),
        needed: size_of::<T>(),
    })
}

/// Takes parts off the tail, front to back.
pub(super) struct Tail<'a>(&'a [u8]);

impl<'a> Tail<'a> {
    pub(super) fn part(&mut self, length: u16) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(length);
        let (part, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(DecodeError::TailOverrun { length })?;
        self.0 = rest;
        Ok(part)
    }

    pub(super) fn path(&mut self, base: u16, path: u16) -> Result<RecordPath<'a>, DecodeError> {
        Ok(RecordPath {
            base: self.part(base)?,
            path: self.part(path)?,
        })
    }
}
