use crate::Ring;

/// What a record tells. The discriminant is the tag on the wire.
///
/// Tags are never reused: a reader that does not know one skips the record by
/// its length and counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RecordKind {
    /// A new process (not a thread) exists.
    ProcessFork = 0,
    /// A process runs a new program.
    ProcessExec = 1,
    /// The last thread of a process ended.
    ProcessExit = 2,
    /// A file was opened for writing, or created.
    FileOpen = 3,
    /// A name was removed.
    FileUnlink = 4,
    /// A name was moved.
    FileRename = 5,
    /// Permission bits were changed.
    FileChmod = 6,
    /// A socket was connected, or the attempt failed.
    NetworkConnect = 7,
    /// A socket got a local address.
    NetworkBind = 8,
    /// A socket accepts connections from now on.
    NetworkListen = 9,
    /// A connection was accepted.
    NetworkAccept = 10,
}

impl RecordKind {
    /// Every kind, in tag order.
    pub const ALL: [Self; 11] = [
        Self::ProcessFork,
        Self::ProcessExec,
        Self::ProcessExit,
        Self::FileOpen,
        Self::FileUnlink,
        Self::FileRename,
        Self::FileChmod,
        Self::NetworkConnect,
        Self::NetworkBind,
        Self::NetworkListen,
        Self::NetworkAccept,
    ];

    /// Number of kinds; the counter map has one slot for each.
    pub const COUNT: usize = Self::ALL.len();

    /// The kind with this tag, or `None` for a tag of a newer producer.
    #[must_use]
    pub const fn from_tag(tag: u16) -> Option<Self> {
        if (tag as usize) < Self::COUNT {
            Some(Self::ALL[tag as usize])
        } else {
            None
        }
    }

    /// The tag on the wire.
    #[must_use]
    pub const fn tag(self) -> u16 {
        self as u16
    }

    /// The name in outputs, `domain.act`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProcessFork => "process.fork",
            Self::ProcessExec => "process.exec",
            Self::ProcessExit => "process.exit",
            Self::FileOpen => "file.open",
            Self::FileUnlink => "file.unlink",
            Self::FileRename => "file.rename",
            Self::FileChmod => "file.chmod",
            Self::NetworkConnect => "network.connect",
            Self::NetworkBind => "network.bind",
            Self::NetworkListen => "network.listen",
            Self::NetworkAccept => "network.accept",
        }
    }

    /// The ring that carries this kind.
    #[must_use]
    pub const fn ring(self) -> Ring {
        match self {
            Self::ProcessFork | Self::ProcessExec | Self::ProcessExit => Ring::Critical,
            Self::FileOpen
            | Self::FileUnlink
            | Self::FileRename
            | Self::FileChmod
            | Self::NetworkConnect
            | Self::NetworkBind
            | Self::NetworkListen
            | Self::NetworkAccept => Ring::Bulk,
        }
    }
}
