//! A program that runs beside the bench: the sensor, a server, another that watches, or a load.

use std::{
    fs::File,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group,
    set_parent_process_death_signal, test_kill_process_group, waitid,
};

use super::{interrupt, progress};

/// Between two looks at whether a condition holds.
pub(super) const POLL: Duration = Duration::from_millis(5);
/// How long it may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what was killed may take to be gone: thousands of processes take their time.
const DEATH: Duration = Duration::from_secs(10);

/// A running program with all that it starts in its process group; dropping it stops it.
pub(super) struct Companion {
    name: String,
    child: Child,
    /// Once the child was waited for: its number may be another's from then on.
    ended: Option<ExitStatus>,
    errors: PathBuf,
    patience: Duration,
}

impl Companion {
    /// Starts it without standard input and output; what it says on standard error goes to
    /// `errors`.
    pub(super) fn start(name: &str, command: &mut Command, errors: &Path) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self::spawn(name, command, errors)
    }

    /// Starts it with pipes to its standard input and from its standard output.
    pub(super) fn start_talking(
        name: &str,
        command: &mut Command,
        errors: &Path,
    ) -> Result<(Self, ChildStdin, ChildStdout)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut companion = Self::spawn(name, command, errors)?;
        let pipes = (companion.child.stdin.take(), companion.child.stdout.take());
        let (Some(input), Some(output)) = pipes else {
            bail!("{name} has no pipes");
        };
        Ok((companion, input, output))
    }

    fn spawn(name: &str, command: &mut Command, errors: &Path) -> Result<Self> {
        interrupt::check()?;
        let stderr =
            File::create(errors).with_context(|| format!("create {}", errors.display()))?;
        command
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
            ended: None,
            errors: errors.to_owned(),
            patience: PATIENCE,
        })
    }

    /// Gives it so long to stop before it is killed.
    pub(super) fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Its folder below `/proc`.
    pub(super) fn process(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// Waits until the condition holds; an error if that takes longer than `limit`, or if the
    /// program ends.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        mut holds: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            // What is asked of one that has ended is not worth an answer.
            self.check()?;
            if holds()? {
                return Ok(());
            }
            ensure!(
                start.elapsed() < limit,
                "{} was not ready within {limit:?}: {}",
                self.name,
                self.words()
            );
            thread::sleep(POLL);
        }
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
        self.ended = Some(status);
        Err(self.unasked(status))
    }

    /// An error with its own words.
    fn unasked(&self, status: ExitStatus) -> anyhow::Error {
        anyhow!("{} ended: {status}: {}", self.name, self.words())
    }

    /// Sends it a signal, and to it alone.
    pub(super) fn send(&self, signal: Signal) -> Result<()> {
        ensure!(self.ended.is_none(), "{} has ended", self.name);
        kill_process(self.group()?, signal)
            .with_context(|| format!("send {signal:?} to {}", self.name))
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

    /// Stops it likewise; an error unless it then says that all was well.
    pub(super) fn stop_well(mut self) -> Result<()> {
        self.end()?;
        match self.ended {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.unasked(status)),
            None => bail!("{} does not end", self.name),
        }
    }

    /// Waits until it ends by itself; an error if that takes longer than `limit`, or unless it then
    /// says that all was well.
    pub(super) fn finish(mut self, limit: Duration) -> Result<()> {
        let group = self.group()?;
        let start = Instant::now();
        while !self.is_over(group)? {
            interrupt::check()?;
            ensure!(
                start.elapsed() < limit,
                "{} did not end within {limit:?}",
                self.name
            );
            thread::sleep(POLL);
        }
        self.stop_well()
    }

    fn end(&mut self) -> Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        let group = self.group()?;
        kill_process_group(group, Signal::INT)
            .with_context(|| format!("send SIGINT to {}", self.name))?;
        // One that was stopped takes no signal before it goes on.
        let _ = kill_process_group(group, Signal::CONT);
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
        self.ended = status.with_context(|| format!("wait for {}", self.name))?;
        Ok(self.ended.is_some() && test_kill_process_group(group).is_err())
    }

    /// The first that it said on standard error: whatever it says, that says why.
    fn words(&self) -> String {
        let mut words = Vec::new();
        match File::open(&self.errors).and_then(|file| file.take(4096).read_to_end(&mut words)) {
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
        io::{Read as _, Write as _},
        path::Path,
        process::Command,
        time::{Duration, Instant},
    };

    use rustix::process::Signal;

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
            .wait_until(Duration::from_secs(10), || Ok(Path::new(&file).exists()))
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
            .wait_until(Duration::from_secs(10), || Ok(false))
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
            .wait_until(Duration::from_secs(10), || Ok(false))
            .expect_err("it ended")
            .to_string();
        assert!(error.contains("exit status: 3: no such rule"), "{error}");
    }
    #[test]
    fn one_that_was_stopped_is_ended_all_the_same() {
        let directory = tempfile::tempdir().expect("a folder");
        let (companion, pid) = sleeping("", directory.path());
        companion.send(Signal::STOP).expect("stopped");
        drop(companion);
        assert!(is_gone(&pid), "{pid}");
    }

    #[test]
    fn one_that_talks_ends_well_or_with_its_words() {
        let directory = tempfile::tempdir().expect("a folder");
        let start = || {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "read code; echo $code; exit $code"]);
            let errors = directory.path().join("errors");
            Companion::start_talking("a shell", &mut command, &errors).expect("started")
        };
        let limit = Duration::from_secs(10);
        for code in ["0", "3"] {
            let (companion, mut input, mut output) = start();
            writeln!(input, "{code}").expect("told");
            let mut said = String::new();
            output.read_to_string(&mut said).expect("said");
            assert_eq!(said.trim(), code);
            assert_eq!(companion.finish(limit).is_ok(), code == "0", "{code}");
        }
    }
}
