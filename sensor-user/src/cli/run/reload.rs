//! The thread that looks at the model's file: it has a new one tried and loads it,
//! so that the pipeline never waits for either.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender},
    thread,
    time::Duration,
};

use super::memory;
use crate::{
    cli::admission::{Admitted, Gate},
    model::{Source, bundle::Manifest},
};

/// How often the file is looked at. A change counts when it is the same at two
/// looks: whoever writes it in place is done by then.
const GLANCE: Duration = Duration::from_secs(1);

/// Models that wait for the pipeline: it looks once a second.
const OFFERS_MAX: usize = 1;

/// What became of a changed file.
pub(super) enum Offer {
    /// It was admitted.
    Admitted(Box<Admitted>),
    /// It was not, for this reason.
    Refused(String),
}

/// The pipeline's end.
pub(super) struct Reloader {
    requests: Sender<Request>,
    offers: Receiver<Offer>,
}

enum Request {
    /// Look at the file whether it changed or not.
    Look,
    /// Remember that this version was accepted.
    Accept(Manifest),
}

impl Reloader {
    /// Starts to look at a file that was admitted after this look at it. `on_change` is
    /// false where only [`Reloader::look`] counts.
    pub(super) fn start(watched: Watched, gate: Gate, on_change: bool) -> io::Result<Self> {
        let (requests, requested) = mpsc::channel();
        let (offer, offers) = mpsc::sync_channel(OFFERS_MAX);
        let watcher = Watcher {
            path: watched.path,
            seen: watched.seen,
            gate,
            on_change,
            offer,
        };
        thread::Builder::new()
            .name(String::from("model"))
            .spawn(move || watcher.run(&requested))?;
        Ok(Self { requests, offers })
    }

    /// Has the file looked at.
    pub(super) fn look(&self) {
        self.request(Request::Look);
    }

    /// Has a version remembered.
    pub(super) fn accept(&self, manifest: Manifest) {
        self.request(Request::Accept(manifest));
    }

    /// What became of a changed file, if one has.
    pub(super) fn offer(&self) -> Option<Offer> {
        self.offers.try_recv().ok()
    }

    fn request(&self, request: Request) {
        if self.requests.send(request).is_err() {
            tracing::error!("nobody looks at the model's file any more");
        }
    }
}

/// A file as it was at a look.
pub(super) struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
}

impl Watched {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            seen: Stamp::of(path),
        }
    }
}

struct Watcher {
    path: PathBuf,
    gate: Gate,
    on_change: bool,
    offer: SyncSender<Offer>,
    /// What the file was when it was last read.
    seen: Option<Stamp>,
}

impl Watcher {
    fn run(mut self, requests: &Receiver<Request>) {
        let mut before = self.seen;
        loop {
            let asked = match requests.recv_timeout(GLANCE) {
                Ok(Request::Look) => true,
                Ok(Request::Accept(manifest)) => {
                    if let Err(error) = self.gate.accept(Some(&manifest)) {
                        tracing::error!("the model's version is not remembered: {error:#}");
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let now = Stamp::of(&self.path);
            let changed = now.is_some() && now != self.seen && now == before;
            before = now;
            if asked || (changed && self.on_change) {
                self.seen = now;
                let offer = self.admit();
                memory::give_back();
                if self.offer.send(offer).is_err() {
                    return;
                }
            }
        }
    }

    fn admit(&self) -> Offer {
        match self.gate.admit(&Source::File(self.path.clone())) {
            Ok(admitted) => Offer::Admitted(Box::new(admitted)),
            Err(error) => Offer::Refused(format!("{error:#}")),
        }
    }
}

/// What tells a file from what it was before, whether it was replaced or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// `None` while there is no file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
