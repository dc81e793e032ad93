use aya::maps::{Map, MapData, RingBuf};
use sensor_common::{RecordHeader, Ring, limits::RECORD_MAX};
use tokio::io::{Interest, unix::AsyncFd};
use zerocopy::FromBytes;

use super::{KernelError, kernel::map_error};

/// Bytes of each ring; the loader rounds to a power of two of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// Process life.
    pub critical: u32,
    /// File and network acts.
    pub bulk: u32,
}

impl Default for RingSizes {
    fn default() -> Self {
        Self {
            critical: 8 << 20,
            bulk: 8 << 20,
        }
    }
}

struct Watched {
    ring: AsyncFd<RingBuf<MapData>>,
    /// The oldest record not yet handed on; empty when there is none.
    head: Vec<u8>,
}

impl Watched {
    /// Takes the next record off the ring, unless one is held already.
    fn fill_head(&mut self) {
        if self.head.is_empty()
            && let Some(item) = self.ring.get_mut().next()
        {
            self.head.extend_from_slice(&item);
        }
    }

    /// When the held record was made; `None` when there is none.
    fn head_time(&self) -> Option<u64> {
        if self.head.is_empty() {
            return None;
        }
        Some(RecordHeader::read_from_prefix(&self.head).map_or(0, |(header, _)| header.time))
    }
}

/// The consumer's end of both rings.
pub struct Rings {
    critical: Watched,
    bulk: Watched,
}

impl Rings {
    pub(super) fn new(critical: Map, bulk: Map) -> Result<Self, KernelError> {
        Ok(Self {
            critical: watch(Ring::Critical, critical)?,
            bulk: watch(Ring::Bulk, bulk)?,
        })
    }

    /// Waits until a ring has something to read.
    pub async fn ready(&self) -> std::io::Result<()> {
        tokio::select! {
            ready = self.critical.ring.readable() => ready?.clear_ready(),
            ready = self.bulk.ring.readable() => ready?.clear_ready(),
        }
        Ok(())
    }

    /// Hands up to `limit` records to `sink`, by time across both rings.
    /// Returns how many; fewer than `limit` means that the rings were empty.
    ///
    /// A thread's records keep their order: the earlier one is visible before
    /// the later one is made, and the ring of the earlier one is looked at
    /// again after the later one was found.
    pub fn drain(&mut self, limit: usize, mut sink: impl FnMut(&[u8])) -> usize {
        for count in 0..limit {
            // Bulk first, then critical: see above.
            self.bulk.fill_head();
            self.critical.fill_head();
            let source = match (self.critical.head_time(), self.bulk.head_time()) {
                (None, None) => return count,
                (Some(critical), Some(bulk)) if bulk < critical => &mut self.bulk,
                (Some(_), _) => &mut self.critical,
                (None, Some(_)) => &mut self.bulk,
            };
            sink(&source.head);
            source.head.clear();
        }
        limit
    }
}

fn watch(ring: Ring, map: Map) -> Result<Watched, KernelError> {
    let name = ring.map_name();
    let ring = RingBuf::try_from(map).map_err(|error| map_error(name, &error))?;
    // SAFETY: the ring owns its map's descriptor, and always gives the same.
    let ring =
        unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }.map_err(|error| {
            KernelError::Ring {
                name,
                reason: error.to_string(),
            }
        })?;
    Ok(Watched {
        ring,
        head: Vec::with_capacity(RECORD_MAX),
    })
}

impl std::fmt::Debug for Rings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rings").finish_non_exhaustive()
    }
}
