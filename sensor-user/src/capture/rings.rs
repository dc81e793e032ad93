use std::{
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use aya::maps::{Array, Map, MapData, RingBuf};
use sensor_common::{RecordHeader, RecordKind, Rest, Ring, limits::RECORD_MAX};
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
            critical: 2 << 20,
            bulk: 4 << 20,
        }
    }
}

struct Lane {
    ring: RingBuf<MapData>,
    /// The oldest record not yet handed on; empty when there is none.
    head: Vec<u8>,
}

impl Lane {
    fn new(ring: Ring, map: Map) -> Result<Self, KernelError> {
        let ring = RingBuf::try_from(map).map_err(|error| map_error(ring.map_name(), &error))?;
        Ok(Self {
            ring,
            head: Vec::with_capacity(RECORD_MAX),
        })
    }

    /// Takes the next record off the ring, unless one is held already.
    fn fill_head(&mut self) {
        if self.head.is_empty()
            && let Some(item) = self.ring.next()
        {
            self.head.extend_from_slice(&item);
        }
    }

    /// When the held record was made; `None` when there is none.
    fn head_time(&self) -> Option<u64> {
        if self.head.is_empty() {
            return None;
        }
        Some(self.header().map_or(0, |header| header.time))
    }

    fn header(&self) -> Option<RecordHeader> {
        let (header, _) = RecordHeader::read_from_prefix(&self.head).ok()?;
        Some(header)
    }

    /// Whether the held record is one that wakes an agent that naps.
    fn is_urgent(&self) -> bool {
        self.header()
            .and_then(|header| RecordKind::from_tag(header.kind))
            .is_some_and(RecordKind::is_urgent)
    }
}

/// The consumer's end of both rings.
pub struct Rings {
    critical: Lane,
    bulk: Lane,
    /// A second descriptor of the critical ring, on which the kernel programs
    /// wake the agent.
    bell: AsyncFd<OwnedFd>,
    rest: Array<MapData, u64>,
}

/// What was taken from the rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Records.
    pub records: usize,
    /// Those of them that wake an agent that naps.
    pub urgent: usize,
}

impl Rings {
    pub(super) fn new(critical: Map, bulk: Map, rest: Map) -> Result<Self, KernelError> {
        let critical = Lane::new(Ring::Critical, critical)?;
        let bell = critical
            .ring
            .as_fd()
            .try_clone_to_owned()
            // SAFETY: the bell owns its descriptor, and always gives the same.
            .and_then(|bell| unsafe {
                AsyncFd::register_with_interest(bell, Interest::READABLE)
                    .map_err(std::io::Error::from)
            })
            .map_err(|error| KernelError::Ring {
                name: Ring::Critical.map_name(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            critical,
            bulk: Lane::new(Ring::Bulk, bulk)?,
            bell,
            rest: Array::try_from(rest).map_err(|error| map_error("AGENT_REST", &error))?,
        })
    }

    /// Rests until the kernel programs ring, or for as long as `nap` says. Both
    /// must find the rings empty: what was committed before the programs knew of
    /// the rest is looked for here, what is committed later rings.
    pub async fn rest(&mut self, rest: Rest, nap: Option<Duration>) -> std::io::Result<()> {
        self.announce(rest);
        self.critical.fill_head();
        self.bulk.fill_head();
        if self.critical.head.is_empty() && self.bulk.head.is_empty() {
            let bell = async {
                self.bell.readable().await?.clear_ready();
                Ok::<_, std::io::Error>(())
            };
            match nap {
                None => bell.await?,
                // Not to be told in time is what a nap is for.
                Some(nap) => tokio::time::timeout(nap, bell).await.unwrap_or(Ok(()))?,
            }
        }
        Ok(())
    }

    /// Nobody need wake the agent.
    pub fn awake(&mut self) {
        self.announce(Rest::Awake);
    }

    /// A state that cannot be written leaves hooks that wake too often or too
    /// late; the agent looks once a second in any case.
    fn announce(&mut self, rest: Rest) {
        if let Err(error) = self.rest.set(0, rest as u64, 0) {
            tracing::debug!(%error, "the kernel programs do not know how deeply the agent rests");
        }
    }

    /// Hands up to `limit` records to `sink`, by time across both rings.
    /// Returns how many; fewer than `limit` means that the rings were empty.
    ///
    /// A thread's records keep their order: the earlier one is visible before
    /// the later one is made, and the ring of the earlier one is looked at
    /// again after the later one was found.
    pub fn drain(&mut self, limit: usize, mut sink: impl FnMut(&[u8])) -> Drained {
        let mut drained = Drained::default();
        while drained.records < limit {
            // Bulk first, then critical: see above.
            self.bulk.fill_head();
            self.critical.fill_head();
            let source = match (self.critical.head_time(), self.bulk.head_time()) {
                (None, None) => break,
                (Some(critical), Some(bulk)) if bulk < critical => &mut self.bulk,
                (Some(_), _) => &mut self.critical,
                (None, Some(_)) => &mut self.bulk,
            };
            drained.records += 1;
            drained.urgent += usize::from(source.is_urgent());
            sink(&source.head);
            source.head.clear();
        }
        drained
    }
}

impl std::fmt::Debug for Rings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rings").finish_non_exhaustive()
    }
}
