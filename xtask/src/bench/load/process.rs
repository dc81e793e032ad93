use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::Load;

/// Runs a program and waits for its end.
pub(in crate::bench) fn exec_exit(name: &'static str, program: &Path) -> Load {
    let mut command = Command::new(program);
    command.stdin(Stdio::inherit());
    Load::new(
        name,
        &["process.fork", "process.exec", "process.exit"],
        move |count| {
            for _ in 0..count {
                let status = command
                    .status()
                    .with_context(|| format!("start {}", command.get_program().display()))?;
                ensure!(
                    status.success(),
                    "{}: {status}",
                    command.get_program().display()
                );
            }
            Ok(())
        },
    )
}

/// Forks a process that ends at once, and waits for its end.
pub(in crate::bench) fn fork_exit() -> Load {
    Load::new(
        "fork+exit",
        &["process.fork", "process.exit"],
        move |count| {
            for _ in 0..count {
                fork_once()?;
            }
            Ok(())
        },
    )
}

fn fork_once() -> Result<()> {
    // SAFETY: the child calls nothing but `_exit`, which is safe after a fork of a program with
    // several threads too.
    let child = unsafe { libc::fork() };
    match child {
        -1 => bail!("fork: {}", io::Error::last_os_error()),
        // SAFETY: it ends the child without running anything of the parent's.
        0 => unsafe { libc::_exit(0) },
        _ => {}
    }
    loop {
        let mut status = 0;
        // SAFETY: `status` is a place for the status.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            ensure!(status == 0, "a forked process ended with status {status}");
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            bail!("waitpid: {error}");
        }
    }
}

/// The system call that does least, and that no sensor has an interest in.
pub(in crate::bench) fn getppid() -> Load {
    Load::new("getppid", &[], |count| {
        for _ in 0..count {
            std::hint::black_box(rustix::process::getppid());
        }
        Ok(())
    })
}
