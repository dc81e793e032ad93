use procfs::process::Process;
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use thiserror::Error;

use crate::event::ProcessId;

/// Why a process was not killed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KillError {
    /// It had ended already.
    #[error("the process has ended already")]
    Gone,
    /// Its number belongs to another process by now.
    #[error("the number belongs to another process by now")]
    Reused,
    /// The system refused.
    #[error("the system refused the signal: {0}")]
    Refused(Errno),
}

/// Kills a process (SIGKILL), and no other.
///
/// The order makes it safe against reuse of the number: first a descriptor
/// that stands for whoever has the number now, then a look at when that
/// process started. A process that still has the number after the descriptor
/// was taken, and started when ours did, is ours.
///
/// `tick` is the resolution of `/proc`'s start times, in ns.
pub fn kill(process: ProcessId, tick: u64) -> Result<(), KillError> {
    let number = i32::try_from(process.tgid.0).map_err(|_| KillError::Gone)?;
    let pid = Pid::from_raw(number).ok_or(KillError::Gone)?;
    let descriptor = pidfd_open(pid, PidfdFlags::empty()).map_err(refusal)?;
    let stat = Process::new(number)
        .and_then(|found| found.stat())
        .map_err(|_| KillError::Gone)?;
    if stat.starttime != process.start.0 / tick.max(1) {
        return Err(KillError::Reused);
    }
    pidfd_send_signal(&descriptor, Signal::KILL).map_err(refusal)
}

fn refusal(error: Errno) -> KillError {
    match error {
        Errno::SRCH => KillError::Gone,
        other => KillError::Refused(other),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::ExitStatusExt,
        process::{Child, Command},
    };

    use super::*;
    use crate::{
        capture::{BootTime, tick_nanoseconds},
        event::Tgid,
    };

    fn sleeper() -> (Child, ProcessId) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let stat = Process::new(child.id().cast_signed())
            .unwrap()
            .stat()
            .unwrap();
        let start = BootTime(stat.starttime * tick_nanoseconds() + 17);
        let id = ProcessId {
            tgid: Tgid(child.id()),
            start,
        };
        (child, id)
    }

    #[test]
    fn the_process_dies_by_sigkill() {
        let (mut child, id) = sleeper();
        assert_eq!(kill(id, tick_nanoseconds()), Ok(()));
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(kill(id, tick_nanoseconds()), Err(KillError::Gone));
    }

    #[test]
    fn a_process_with_another_start_is_left_alone() {
        let (mut child, mut id) = sleeper();
        id.start = BootTime(id.start.0 - tick_nanoseconds());
        assert_eq!(kill(id, tick_nanoseconds()), Err(KillError::Reused));
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
