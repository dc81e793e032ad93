//! What the kernel writes into a group's queue (`include/uapi/linux/fanotify.h`).

/// What happened to a name of a directory. The kernel puts what happens to one name
/// by one process into one notice while nobody reads: several may be true, and how
/// often each was is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Happened(u64);

impl Happened {
    pub(super) const fn of(mask: u64) -> Self {
        Self(mask)
    }

    pub(super) const fn created(self) -> bool {
        self.0 & libc::FAN_CREATE != 0
    }

    pub(super) const fn closed_after_writing(self) -> bool {
        self.0 & libc::FAN_CLOSE_WRITE != 0
    }

    pub(super) const fn removed(self) -> bool {
        self.0 & libc::FAN_DELETE != 0
    }

    pub(super) const fn moved(self) -> bool {
        self.0 & libc::FAN_RENAME != 0
    }

    pub(super) const fn to_directory(self) -> bool {
        self.0 & libc::FAN_ONDIR != 0
    }
}

/// A name in a directory, as the kernel knows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// Number of the file system.
    pub(super) file_system: [u8; 8],
    /// Type of the handle.
    pub(super) kind: i32,
    /// Handle of the directory.
    pub(super) handle: &'a [u8],
    /// Name in the directory; `.` for the directory itself.
    pub(super) name: &'a [u8],
}

/// One entry of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice<'a> {
    /// Others found no room, nobody knows how many.
    Overflow,
    /// Something happened to a name.
    Name {
        happened: Happened,
        /// Process, in the agent's pid namespace.
        tgid: u32,
        /// The name; of a move the old one.
        from: Named<'a>,
        /// Of a move the new one.
        to: Option<Named<'a>>,
    },
}

/// The entries of what was read from a group; `None` for one of another form.
pub(super) fn notices(bytes: &[u8]) -> impl Iterator<Item = Option<Notice<'_>>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((notice, after)) = split(rest) else {
            // Without a length, nothing behind it can be found.
            rest = &[];
            return Some(None);
        };
        rest = after;
        Some(parse(notice))
    })
}

/// Bytes of `struct fanotify_event_metadata`, of which all versions begin alike.
const METADATA: usize = 24;

/// The first entry, and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    (length >= METADATA).then_some(())?;
    bytes.split_at_checked(length)
}

fn parse(notice: &[u8]) -> Option<Notice<'_>> {
    let metadata = usize::from(u16_at(notice, 6)?);
    let mask = u64::from_ne_bytes(array_at(notice, 8)?);
    if mask & libc::FAN_Q_OVERFLOW != 0 {
        return Some(Notice::Overflow);
    }
    let tgid = u32_at(notice, 20)?;
    let mut from = None;
    let mut to = None;
    let mut rest = notice.get(metadata..)?;
    while let Some(&kind) = rest.first() {
        let length = usize::from(u16_at(rest, 2)?);
        let (information, after) = rest.split_at_checked(length)?;
        match kind {
            libc::FAN_EVENT_INFO_TYPE_DFID_NAME | libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME => {
                from = Some(named(information)?);
            }
            libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME => to = Some(named(information)?),
            _ => {}
        }
        // One without a length would be looked at for ever.
        (length > 0).then_some(())?;
        rest = after;
    }
    Some(Notice::Name {
        happened: Happened::of(mask),
        tgid,
        from: from.or(to)?,
        to,
    })
}

/// `struct fanotify_event_info_fid` with a name behind its handle.
fn named(information: &[u8]) -> Option<Named<'_>> {
    /// Before the handle's own bytes: header, file system, length, type.
    const HEAD: usize = 4 + 8 + 4 + 4;
    let length = usize::try_from(u32_at(information, 12)?).ok()?;
    let (handle, name) = information.get(HEAD..)?.split_at_checked(length)?;
    Some(Named {
        file_system: array_at(information, 4)?,
        kind: i32::from_ne_bytes(array_at(information, 16)?),
        handle,
        name: name.split(|&byte| byte == 0).next()?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn information(kind: u8, name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend([7; 8]);
        bytes.extend(4_u32.to_ne_bytes());
        bytes.extend(1_i32.to_ne_bytes());
        bytes.extend([9; 4]);
        bytes.extend(name);
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let length = u16::try_from(bytes.len()).unwrap();
        bytes[2..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }

    fn entry(mask: u64, information: &[u8]) -> Vec<u8> {
        let length = u32::try_from(METADATA + information.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([3, 0, 24, 0]);
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(42_i32.to_ne_bytes());
        bytes.extend(information);
        bytes
    }

    fn name(notice: Option<Notice<'_>>) -> (&[u8], Option<&[u8]>) {
        match notice {
            Some(Notice::Name { from, to, tgid, .. }) => {
                assert_eq!((tgid, from.kind, from.handle), (42, 1, &[9; 4][..]));
                assert_eq!(from.file_system, [7; 8]);
                (from.name, to.map(|to| to.name))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn entries_are_read_one_after_the_other() {
        let mut bytes = entry(
            libc::FAN_CREATE | libc::FAN_CLOSE_WRITE,
            &information(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"made"),
        );
        bytes.extend(entry(libc::FAN_Q_OVERFLOW, &[]));
        let mut two = information(libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, b"old");
        two.extend(information(libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, b"new"));
        bytes.extend(entry(libc::FAN_RENAME | libc::FAN_ONDIR, &two));
        let read: Vec<_> = notices(&bytes).collect();
        assert_eq!(read.len(), 3);
        assert_eq!(name(read[0]), (&b"made"[..], None));
        assert_eq!(read[1], Some(Notice::Overflow));
        assert_eq!(name(read[2]), (&b"old"[..], Some(&b"new"[..])));
    }

    #[test]
    fn whatever_the_bytes_are_the_reading_ends() {
        let whole = entry(
            libc::FAN_DELETE,
            &information(libc::FAN_EVENT_INFO_TYPE_DFID_NAME, b"gone"),
        );
        for length in 1..whole.len() {
            let read: Vec<_> = notices(&whole[..length]).collect();
            assert_eq!(read, [None], "{length}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = value;
                assert!(notices(&bent).count() <= whole.len());
            }
        }
    }
}
