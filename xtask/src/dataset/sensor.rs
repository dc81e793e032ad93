//! The sensor that records the rows.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// A running sensor without a model.
pub(super) struct Sensor {
    child: Child,
    rows: PathBuf,
}

/// How long it may take to load its programs into the kernel.
const START: Duration = Duration::from_mins(1);

impl Sensor {
    /// Starts it and waits until it records.
    pub(super) fn start(program: &Path, rows: &Path) -> Result<Self> {
        if rows.exists() {
            // It appends, and rows of an earlier run would be taken for rows of this one.
            fs::remove_file(rows).with_context(|| format!("remove {}", rows.display()))?;
        }
        let child = Command::new(program)
            .args([
                "run",
                "--model",
                "none",
                "--events",
                "verdicts",
                "--export-features",
            ])
            .arg(rows)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut sensor = Self {
            child,
            rows: rows.to_owned(),
        };
        let start = Instant::now();
        while start.elapsed() < START {
            if let Some(status) = sensor.child.try_wait()? {
                bail!("the sensor ended before it recorded anything: {status}");
            }
            // The first row after the schema says that events arrive.
            if count_lines(rows) > 1 {
                return Ok(sensor);
            }
            Command::new("/bin/true")
                .status()
                .context("start /bin/true")?;
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
            "the sensor ended with {status}; its rows may be incomplete"
        );
        ensure!(count_lines(&self.rows) > 1, "the sensor wrote no rows");
        Ok(())
    }
}

fn count_lines(path: &Path) -> usize {
    fs::File::open(path).map_or(0, |file| BufReader::new(file).lines().take(2).count())
}
