//! Another program that watches the machine, measured beside the sensor.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::companion::Companion;

/// How to start a program that watches the machine as the sensor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// What a shell runs.
    command: String,
    /// Nobody can tell from outside when it watches: it does after this time.
    ready: Duration,
}

impl Peer {
    /// A program that has not been started.
    pub(super) fn new(command: &str, ready: Duration) -> Result<Self> {
        ensure!(
            !command.trim().is_empty(),
            "--peer: the command is empty; give the line that a shell is to run"
        );
        Ok(Self {
            command: command.to_owned(),
            ready,
        })
    }

    /// What a shell runs.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// Starts it and waits until it watches; what it says on standard error goes to a file below
    /// `directory`.
    pub(super) fn start(&self, directory: &Path) -> Result<Companion> {
        /// A machine that is busy with others looks at the clock late.
        const LATENESS: Duration = Duration::from_mins(1);
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.command);
        let name = format!("the peer `{}`", self.command);
        let mut companion = Companion::start(&name, &mut command, &directory.join("peer-errors"))?;
        let start = Instant::now();
        companion.wait_until(self.ready + LATENESS, || Ok(start.elapsed() >= self.ready))?;
        companion.check()?;
        Ok(companion)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Peer;

    const READY: Duration = Duration::from_millis(20);

    #[test]
    fn a_peer_runs_until_it_is_stopped() {
        let directory = tempfile::tempdir().expect("a folder");
        let peer = Peer::new("sleep 1000", READY).expect("a peer");
        let start = Instant::now();
        let mut companion = peer.start(directory.path()).expect("started");
        assert!(start.elapsed() >= READY);
        companion.check().expect("it runs");
        companion.stop().expect("stopped");
    }

    #[test]
    fn a_peer_that_does_not_stay_is_named_with_its_words() {
        let directory = tempfile::tempdir().expect("a folder");
        let peer = Peer::new("echo no driver >&2; exit 4", Duration::from_mins(1));
        let error = peer.expect("a peer").start(directory.path());
        let error = error.map(drop).expect_err("it ended").to_string();
        assert!(error.contains("`echo no driver"), "{error}");
        assert!(error.contains("exit status: 4: no driver"), "{error}");
    }

    #[test]
    fn an_empty_command_is_refused() {
        let error = Peer::new(" ", READY).expect_err("empty").to_string();
        assert!(error.contains("--peer"), "{error}");
    }
}
