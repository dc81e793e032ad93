//! Starts a machine: a kernel, its first file system, and a serial line. Nothing else is in it.

use std::{
    io::{self, PipeReader},
    iter,
    os::unix::process::{CommandExt as _, parent_id},
    path::Path,
    process::{Child, Command, Stdio, id},
};

use anyhow::{Context as _, Result};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::{
    machine::{Boot, Tier},
    plan::quoted,
};
use crate::workspace::shown;

const HARDWARE: [&str; 17] = [
    "-nodefaults",
    "-no-user-config",
    // Never with KVM: where it opens, unmodified kernels have been seen to hang on it. And never
    // with a thread for each processor: one of them has been seen to go on for ever with the
    // breakpoint that a kernel puts into its code while it attaches a trampoline, and long since
    // has replaced. The processors take turns instead, which costs no more time of the host's.
    "-accel",
    "tcg,thread=single",
    // The guest's programs may want any instruction that the build machine has.
    "-cpu",
    "max",
    // Records are to be in order across processors.
    "-smp",
    "2",
    "-m",
    "2048",
    "-display",
    "none",
    "-nic",
    "none",
    "-serial",
    "stdio",
    // A panic ends the machine instead of booting it again.
    "-no-reboot",
];

const KERNEL_OPTIONS: [&str; 8] = [
    "console=ttyS0",
    // Warnings and worse. All of it would take longer than the boot itself.
    "loglevel=5",
    "panic=-1",
    "oops=panic",
    // Otherwise the first file system is the one that files in memory are told by.
    "rootfstype=ramfs",
    // Emulated, it runs unevenly. A kernel finds that out some time, and takes another clock amid
    // the tests.
    "tsc=unstable",
    // The guest's processors wait for the host's: that is no stall. A real one lasts.
    "rcupdate.rcu_cpu_stall_timeout=60",
    "watchdog_thresh=30",
];

/// A machine that runs; it is switched off when this is dropped.
pub(super) struct Guest {
    child: Child,
    /// How it was started, for who wants to do that by hand.
    pub(super) command: String,
}

/// Starts it. What it and QEMU itself say comes out of the pipe.
pub(super) fn start(
    qemu: &Path,
    boot: &Boot,
    kernel: &Path,
    initramfs: &Path,
) -> Result<(Guest, PipeReader)> {
    let (reader, writer) = io::pipe().context("create a pipe")?;
    let errors = writer.try_clone().context("copy a descriptor")?;
    let mut command = Command::new(qemu);
    command
        .args(HARDWARE)
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(kernel_command_line(boot))
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(errors);
    let starter = id();
    // SAFETY: two system calls, which allocate nothing.
    unsafe {
        command.pre_exec(move || {
            // However xtask ends, the machine ends with it.
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if parent_id() != starter {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(())
        });
    }
    let child = command
        .spawn()
        .with_context(|| format!("start {}", shown(&command)))?;
    let command = typed(&command);
    Ok((Guest { child, command }, reader))
}

/// The command as a shell takes it.
fn typed(command: &Command) -> String {
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    words.join(" ")
}

fn kernel_command_line(boot: &Boot) -> String {
    let tiers: Vec<_> = boot.tiers.iter().copied().map(Tier::name).collect();
    format!(
        "{} lsm={} sensor_tiers={}",
        KERNEL_OPTIONS.join(" "),
        boot.machine.modules,
        tiers.join(",")
    )
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::machine::{Series, Tier, chosen},
        kernel_command_line,
    };

    #[test]
    fn the_kernel_is_told_modules_and_tiers() {
        let boots = chosen(&[Series::V5_10], &[Tier::Fentry, Tier::Tracepoint]);
        let line = kernel_command_line(&boots[1]);
        assert!(
            line.ends_with(" lsm=lockdown,yama sensor_tiers=fentry,tracepoint"),
            "{line}"
        );
    }
}
