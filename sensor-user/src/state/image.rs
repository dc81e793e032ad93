use std::sync::OnceLock;

use super::Sha256;
use crate::event::{Exec, ExecFacts, split_args};

/// The program a process runs. Children share it until they run another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Facts about executable, credentials and surroundings at exec.
    pub facts: ExecFacts,
    /// Absolute path of the executable.
    pub exe: Box<[u8]>,
    /// Absolute working directory at exec.
    pub cwd: Box<[u8]>,
    /// Arguments, each ended by a zero byte.
    pub args: Box<[u8]>,
    /// Bytes of arguments that there were; more than `args` when cut.
    pub args_total: u32,
    /// Hash of the executable, once it is known.
    pub sha256: OnceLock<Sha256>,
}

impl Image {
    /// The program that an exec started.
    #[must_use]
    pub fn from_exec(exec: &Exec<'_>) -> Self {
        Self {
            facts: exec.facts,
            exe: exec.exe.into(),
            cwd: exec.cwd.into(),
            args: exec.args.into(),
            args_total: exec.args_total,
            sha256: OnceLock::new(),
        }
    }

    /// The arguments one by one.
    pub fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        split_args(&self.args)
    }
}
