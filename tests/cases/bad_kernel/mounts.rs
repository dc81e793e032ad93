//! Mounts that only the sensor sees.

use std::{io, os::unix::process::CommandExt, process::Command};

use rustix::{
    mount::{MountPropagationFlags, mount_change},
    thread::{UnshareFlags, unshare_unsafe},
};

/// Gives the command a mount namespace, and changes it before the command's
/// program starts. `change` must do no more than make system calls.
pub(crate) fn changed_for(
    command: &mut Command,
    change: impl Fn() -> rustix::io::Result<()> + Send + Sync + 'static,
) {
    let enter = move || -> io::Result<()> {
        // SAFETY: the child has a single thread and shares no file table.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private)?;
        Ok(change()?)
    };
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(enter) };
}
