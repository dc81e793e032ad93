//! Socket addresses as `struct sockaddr`, in kernel or in user memory.

use sensor_common::{NetworkRecord, limits::UNIX_PATH_MAX};

use crate::{
    read::{Address, probe, user},
    record::Builder,
    socket::{AF_INET, AF_INET6, AF_UNIX},
};

/// Which end of the connection an address is.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Local,
    Remote,
}

/// Whose memory an address lies in.
#[derive(Clone, Copy)]
pub(crate) enum Memory {
    /// The kernel's own copy.
    Kernel,
    /// The caller's.
    User,
}

impl Memory {
    #[inline(always)]
    fn read<T: Copy + Default>(self, from: u64) -> T {
        match self {
            Self::Kernel => probe(from as Address, 0),
            Self::User => user(from),
        }
        .unwrap_or_default()
    }

    /// `AF_*` of the address; zero when it cannot be read.
    #[inline(always)]
    pub(crate) fn family(self, from: u64) -> u16 {
        self.read(from)
    }
}

/// Takes one end of the connection from a `struct sockaddr` of `length` bytes.
#[inline(always)]
pub(crate) fn take(
    builder: &mut Builder<'_>,
    record: &mut NetworkRecord,
    memory: Memory,
    from: u64,
    length: usize,
    side: Side,
) {
    let family = memory.family(from);
    let port = u16::from_be(memory.read(from + 2));
    let mut bytes = [0u8; 16];
    match family {
        AF_INET => {
            let v4: [u8; 4] = memory.read(from + 4);
            bytes[..4].copy_from_slice(&v4);
        }
        AF_INET6 => bytes = memory.read(from + 8),
        AF_UNIX => {
            record.family = family;
            let length = length.saturating_sub(2);
            if length <= UNIX_PATH_MAX {
                record.path_length = match memory {
                    Memory::Kernel => builder.kernel_bytes((from + 2) as Address, length),
                    Memory::User => builder.user_bytes(from + 2, length),
                };
            }
            return;
        }
        _ => return,
    }
    record.family = family;
    match side {
        Side::Local => {
            record.local_address = bytes;
            record.local_port = port;
        }
        Side::Remote => {
            record.remote_address = bytes;
            record.remote_port = port;
        }
    }
}
