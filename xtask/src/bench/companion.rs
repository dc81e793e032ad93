//! A program that runs beside the loads: a server that one needs, or another that watches.

use std::{
    fs::File,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, set_parent_process_death_signal,
    test_kill_process_group, waitid,
};

use super::{interrupt, progress};

/// Between two looks at whether a condition holds.
const POLL: Duration = Duration::from_millis(5);
/// How long it may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what was killed may take to be gone.
const DEATH: Duration = Duration::from_secs(1);

/// A running program with all that it starts in its process group; dropping it stops it.
pub(super) struct Companion {
    name: String,
    child: Child,
    /// Whether the child was waited for: its number may be another's from then on.
    ended: bool,
    errors: PathBuf,
    patience: Duration,
}

impl Companion {
    /// Starts it without standard input and output; what it says on standard error goes to
    /// `errors`.
    pub(super) fn start(name: &str, command: &mut Command, errors: &Path) -> Result<Self> {
        interrupt::check()?;
        let stderr =
            File::create(errors).with_context(|| format!("create {}", errors.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            // Ctrl-C is for the bench, which then stops it; and what it starts is stopped with it.
            .process_group(0);
        // SAFETY: a single system call, which allocates nothing.
        unsafe {
            command.pre_exec(|| {
                set_parent_process_death_signal(Some(Signal::INT))?;
                Ok(())
            });
        }
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            ended: false,
            errors: errors.to_owned(),
            patience: PATIENCE,
        })
    }

    /// Waits until the condition holds; an error if that takes longer than `limit`, or if the
    /// program ends.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !holds() {
            self.check()?;
            ensure!(
                start.elapsed() < limit,
                "{} was not ready within {limit:?}: {}",
                self.name,
                self.words()
            );
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// An error if the program has ended, or if a signal came. What it started ends with it.
    pub(super) fn check(&mut self) -> Result<()> {
        interrupt::check()?;
        let group = self.group()?;
        // Its number stays its own, and so does that of its group, until it is waited for.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let waiting = || format!("wait for {}", self.name);
        if waitid(WaitId::Pid(group), look)
            .with_context(waiting)?
            .is_none()
        {
            return Ok(());
        }
        // Nobody may be left in it.
        let _ = kill_process_group(group, Signal::KILL);
        let status = self.child.wait().with_context(waiting)?;
        self.ended = true;
        bail!("{} ended: {status}: {}", self.name, self.words());
    }

    /// The process group, which has its own number.
    fn group(&self) -> Result<Pid> {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        group.with_context(|| format!("{} has no process number", self.name))
    }

    /// Stops it with SIGINT, and with SIGKILL when that does not do.
    pub(super) fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let group = self.group()?;
        kill_process_group(group, Signal::INT)
            .with_context(|| format!("send SIGINT to {}", self.name))?;
        if self.is_over_within(self.patience, group)? {
            return Ok(());
        }
        progress(&format!(
            "{} did not stop within {:?} of SIGINT: it is killed",
            self.name, self.patience
        ));
        // It may have ended by itself just now.
        let _ = kill_process_group(group, Signal::KILL);
        // What it started may stay as a zombie for as long as whoever inherits it likes.
        self.is_over_within(DEATH, group)?;
        Ok(())
    }

    /// Waits for the end of it and of all that it started; whether that came.
    fn is_over_within(&mut self, limit: Duration, group: Pid) -> Result<bool> {
        let start = Instant::now();
        while !self.is_over(group)? {
            if start.elapsed() >= limit {
                return Ok(false);
            }
            thread::sleep(POLL);
        }
        Ok(true)
    }

    /// Whether it and all that it started have ended.
    fn is_over(&mut self, group: Pid) -> Result<bool> {
        let status = self.child.try_wait();
        self.ended = status
            .with_context(|| format!("wait for {}", self.name))?
            .is_some();
        Ok(self.ended && test_kill_process_group(group).is_err())
    }

    /// The first that it said on standard error: whatever it says, that says why.
    fn words(&self) -> String {
        let mut words = Vec::new();
        match File::open(&self.errors).and_then(|file| file.take(2048).read_to_end(&mut words)) {
            Ok(_) => String::from_utf8_lossy(&words).trim().to_owned(),
            Err(error) => format!("{}: {error}", self.errors.display()),
        }
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            progress(&format!("{} could not be stopped: {error:#}", self.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        process::Command,
        time::{Duration, Instant},
    };

    use super::Companion;

    fn shell(script: &str, directory: &Path) -> Companion {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Companion::start("a shell", &mut command, &directory.join("errors")).expect("started")
    }

    /// A shell that runs `sleep`; and the number of that process.
    fn sleeping(before: &str, directory: &Path) -> (Companion, String) {
        let file = directory.join("pid").display().to_string();
        let script =
            format!("{before} sleep 1000 & echo $! > {file}.new; mv {file}.new {file}; wait");
        let mut companion = shell(&script, directory);
        companion
            .wait_until(Duration::from_secs(10), || Path::new(&file).exists())
            .expect("ready");
        let pid = std::fs::read_to_string(&file).expect("read");
        (companion, pid.trim().to_owned())
    }

    /// Whoever inherits a process may not have waited for it yet.
    fn is_gone(pid: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        status.map_or(true, |status| status.contains(") Z "))
    }

    #[test]
    fn what_it_started_is_stopped_with_it() {
        let directory = tempfile::tempdir().expect("a folder");
        // A shell's background ignores SIGINT.
        let (companion, pid) = sleeping("trap 'kill $!; exit' INT;", directory.path());
        assert!(!is_gone(&pid));
        companion.stop().expect("stopped");
        assert!(is_gone(&pid), "{pid}");
    }

    #[test]
    fn who_ignores_the_signal_is_killed() {
        let directory = tempfile::tempdir().expect("a folder");
        let (mut companion, pid) = sleeping("trap '' INT;", directory.path());
        companion.patience = Duration::from_millis(50);
        companion.stop().expect("stopped");
        assert!(is_gone(&pid), "{pid}");
    }

    #[test]
    fn what_it_leaves_behind_is_killed() {
        let directory = tempfile::tempdir().expect("a folder");
        let file = directory.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}", file.display());
        let mut companion = shell(&script, directory.path());
        companion
            .wait_until(Duration::from_secs(10), || false)
            .expect_err("it ended");
        let pid = std::fs::read_to_string(&file).expect("read");
        // The kernel takes its time.
        let start = Instant::now();
        while !is_gone(pid.trim()) && start.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(is_gone(pid.trim()), "{pid}");
    }

    #[test]
    fn one_that_ends_is_an_error_with_its_words() {
        let directory = tempfile::tempdir().expect("a folder");
        let mut companion = shell("echo no such rule >&2; exit 3", directory.path());
        let error = companion
            .wait_until(Duration::from_secs(10), || false)
            .expect_err("it ended")
            .to_string();
        assert!(error.contains("exit status: 3: no such rule"), "{error}");
    }
}
