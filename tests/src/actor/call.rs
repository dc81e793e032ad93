//! System calls that no crate has a safe function for, and children.

use std::io;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, waitpid};

/// Makes a system call and gives what the kernel gives: a value, or a negative
/// error number.
///
/// # Safety
/// Pointers among the arguments must be what the call takes, and live as long
/// as it uses them.
pub(crate) unsafe fn call<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> i64 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    // SAFETY: the caller answers for the arguments; those beyond are not looked at.
    let result = unsafe { libc::syscall(number, all[0], all[1], all[2], all[3], all[4], all[5]) };
    if result == -1 {
        -i64::from(io::Error::last_os_error().raw_os_error().unwrap())
    } else {
        result
    }
}

/// What the kernel gave for a call that answers with nothing.
pub(crate) fn result_of(result: rustix::io::Result<()>) -> i64 {
    match result {
        Ok(()) => 0,
        Err(error) => -i64::from(error.raw_os_error()),
    }
}

/// Starts a child that does something and ends with its code.
pub(crate) fn fork(act: impl FnOnce() -> i32) -> Pid {
    // SAFETY: this process has one thread, so that the child may do anything.
    match unsafe { libc::fork() } {
        0 => std::process::exit(act()),
        pid => Pid::from_raw(pid).unwrap(),
    }
}

/// Waits for the end of a child.
pub(crate) fn wait(pid: Pid) -> WaitStatus {
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
    status
}

/// Waits for nothing, until the parent ends.
pub(crate) fn idle() -> i32 {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
    loop {
        std::thread::park();
    }
}

/// A child that waits for nothing, and goes when its parent does.
pub(crate) struct Idle(pub(crate) Pid);

impl Idle {
    pub(crate) fn start() -> Self {
        Self(fork(idle))
    }

    pub(crate) fn number(&self) -> usize {
        usize::try_from(self.0.as_raw_nonzero().get()).unwrap()
    }

    /// Ends it.
    pub(crate) fn end(self) {
        let _ = kill_process(self.0, Signal::KILL);
        wait(self.0);
    }
}
