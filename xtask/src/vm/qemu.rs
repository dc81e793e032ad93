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

const HARDWARE: [&str; 13] = [
    "-nodefaults",
    "-no-user-config",
    // Never with KVM: where it opens, unmodified kernels have been seen to hang on it. And never
    // with a thread for each processor: one of them has been seen to go on for ever with the
    // breakpoint that a kernel puts into its code while it attaches a trampoline, and long since
    // has replaced. The processors take turns instead, which costs no more time of the host's.
    "-accel",
    "tcg,thread=single",
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

const KERNEL_OPTIONS: [&str; 7] = [
    "console=ttyS0",
    // Warnings and worse. All of it would take longer than the boot itself.
    "loglevel=5",
    "panic=-1",
    "oops=panic",
    // Otherwise the first file system is the one that files in memory are told by.
    "rootfstype=ramfs",
    // The guest's processors wait for the host's: that is no stall. A real one lasts.
    "rcupdate.rcu_cpu_stall_timeout=60",
    "watchdog_thresh=30",
];

/// What a machine's time is, and how many processors share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The host's. Two processors: records are to be in order across them.
    Host,
    /// A nanosecond for each instruction that the guest executes, and none where it waits: nothing
    /// that goes on at the host shows. QEMU can count those of one processor only.
    Instructions,
}

impl Clock {
    const fn hardware(self) -> &'static [&'static str] {
        match self {
            // The guest's programs may want any instruction that the build machine has.
            Self::Host => &["-cpu", "max", "-smp", "2"],
            // Without the two features by which kernels clear and copy memory byte by byte, as
            // processors do that a line at a time: here each step counts as an instruction, and the
            // clearing of a page as 4,096 of them.
            Self::Instructions => &[
                "-cpu",
                "max,erms=off,fsrm=off",
                "-smp",
                "1",
                "-icount",
                "shift=0,sleep=off",
            ],
        }
    }

    const fn kernel_option(self) -> &'static str {
        match self {
            // Emulated, it runs unevenly. A kernel finds that out some time, and takes another
            // clock amid the tests.
            Self::Host => "tsc=unstable",
            // It counts the same instructions as every other clock of the machine, and is the one
            // that is read without leaving the program, as on machines that are not emulated.
            Self::Instructions => "tsc=reliable",
        }
    }
}

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
    clock: Clock,
    kernel: &Path,
    initramfs: &Path,
) -> Result<(Guest, PipeReader)> {
    let (reader, writer) = io::pipe().context("create a pipe")?;
    let errors = writer.try_clone().context("copy a descriptor")?;
    let mut command = Command::new(qemu);
    command
        .args(HARDWARE)
        .args(clock.hardware())
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .arg("-append")
        .arg(kernel_command_line(boot, clock))
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

fn kernel_command_line(boot: &Boot, clock: Clock) -> String {
    let tiers: Vec<_> = boot.tiers.iter().copied().map(Tier::name).collect();
    format!(
        "{} {} lsm={} sensor_tiers={}",
        KERNEL_OPTIONS.join(" "),
        clock.kernel_option(),
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
        Clock, kernel_command_line,
    };

    #[test]
    fn the_kernel_is_told_modules_and_tiers() {
        let boots = chosen(&[Series::V5_10], &[Tier::Fentry, Tier::Tracepoint]);
        let line = kernel_command_line(&boots[1], Clock::Host);
        assert!(
            line.ends_with(" tsc=unstable lsm=lockdown,yama sensor_tiers=fentry,tracepoint"),
            "{line}"
        );
    }
}
