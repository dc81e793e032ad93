//! The sensor that records the acts, and makes rows of a recording.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// A recording sensor.
pub(super) struct Sensor {
    child: Child,
}

/// How long it may take to load its programs into the kernel.
const START: Duration = Duration::from_mins(1);

impl Sensor {
    /// Starts it and waits until it records.
    pub(super) fn start(program: &Path, recording: &Path) -> Result<Self> {
        let child = Command::new(program)
            .args(["record", "--quiet", "--force", "--output"])
            .arg(recording)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut sensor = Self { child };
        let start = Instant::now();
        let mut begun = None;
        while start.elapsed() < START {
            if let Some(status) = sensor.child.try_wait()? {
                bail!("the sensor ended before it recorded anything: {status}");
            }
            // What it found at its start is written first; growth after that says that acts
            // arrive.
            let size = fs::metadata(recording).map_or(0, |found| found.len());
            match begun {
                Some(first) if size > first => return Ok(sensor),
                None if size > 0 => begun = Some(size),
                _ => {}
            }
            for _ in 0..200 {
                Command::new("/bin/true")
                    .status()
                    .context("start /bin/true")?;
            }
            thread::sleep(Duration::from_millis(100));
        }
        sensor.child.kill()?;
        sensor.child.wait()?;
        bail!("the sensor recorded nothing within {} s", START.as_secs());
    }

    /// Lets it write what it has, and waits for its end.
    pub(super) fn stop(mut self) -> Result<()> {
        // The last acts are still on their way through the ring buffers.
        thread::sleep(Duration::from_secs(1));
        workspace::execute(Command::new("/bin/kill").args(["-INT", &self.child.id().to_string()]))?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the sensor ended with {status}; its recording may be incomplete"
        );
        Ok(())
    }
}

/// Makes the model's input rows of a recording.
pub(super) fn extract(program: &Path, recording: &Path, rows: &Path) -> Result<()> {
    if rows.exists() {
        // The sensor appends.
        fs::remove_file(rows).with_context(|| format!("remove {}", rows.display()))?;
    }
    workspace::execute(
        Command::new(program)
            .arg("replay")
            .arg(recording)
            .args(["--model", "none", "--quiet", "--export-features"])
            .arg(rows),
    )
}
