use super::ProcessId;

/// The other process of an act, as far as the record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Number and start; the start is zero when only the number is known.
    pub process: ProcessId,
    /// The number is the caller's argument, in the caller's own pid namespace;
    /// as a signed number it may then stand for a group.
    pub from_argument: bool,
    /// The system call's result; `None` when the hook runs before the act.
    pub result: Option<i32>,
}

impl Target {
    /// True when the record tells the start, and with it which process it was.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.process.start.0 != 0
    }
}

/// A signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// To whom.
    pub target: Target,
    /// Its number.
    pub number: u32,
}

/// A process that is traced, or whose memory or registers were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ptrace {
    /// Who is traced.
    pub target: Target,
    /// `PTRACE_*`.
    pub request: u32,
    /// Address that the request names; another argument with some requests.
    pub address: u64,
}

/// Memory of another process that was written (`process_vm_writev`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteWrite {
    /// Whose memory.
    pub target: Target,
    /// Bytes.
    pub bytes: u64,
}
