use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Records, pid_of};

/// How long a condition is waited for. Generous: machines are noisy, and no
/// case asserts a time.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at a file that another process writes.
const GLANCE: Duration = Duration::from_millis(5);

/// A sensor that runs, with its output.
pub struct Sensor {
    child: Child,
    directory: TempDir,
    output: PathBuf,
    reader: BufReader<File>,
    partial: String,
    records: Vec<Value>,
}

/// A sensor that has ended.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard error.
    pub stderr: String,
    /// All of its records.
    pub records: Records,
}

/// The sensor's binary: `SENSOR_BIN`, or the one built beside this test.
#[must_use]
pub fn sensor_command() -> Command {
    let path = std::env::var_os("SENSOR_BIN").map_or_else(|| beside("sensor"), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: run `cargo build` first",
        path.display()
    );
    Command::new(path)
}

/// The process that does what it is told (`src/actor`): `ACTOR_BIN`, or the one
/// built beside this test.
#[must_use]
pub fn actor() -> PathBuf {
    std::env::var_os("ACTOR_BIN").map_or_else(|| beside("actor"), PathBuf::from)
}

/// A binary of the same build profile: tests lie in its `deps` folder.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this test has a path");
    let profile = own
        .parent()
        .and_then(Path::parent)
        .expect("a test lies in target/PROFILE/deps");
    profile.join(name)
}

impl Sensor {
    /// Starts a sensor that writes every event, and waits until it captures.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        Self::start_with_output(options, None)
    }

    /// Like [`Sensor::start`], with the output in a given file.
    #[must_use]
    pub fn start_with_output(options: &[&str], output: Option<PathBuf>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let output = output.unwrap_or_else(|| directory.path().join("events.jsonl"));
        let stderr = File::create(directory.path().join("stderr")).unwrap();
        let child = sensor_command()
            .args(["run", "--events", "all", "--output"])
            .arg(&output)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut sensor = Self {
            reader: BufReader::new(wait_for_file(&output)),
            child,
            directory,
            output,
            partial: String::new(),
            records: Vec::new(),
        };
        // Snapshots are written once the hooks are attached and /proc is read.
        sensor.wait_for("its first snapshot", |record| {
            record["kind"] == "process.snapshot"
        });
        sensor
    }

    /// Reads what has been written since, and gives every record so far. Fails
    /// when the sensor has ended.
    pub fn look(&mut self) -> Result<&[Value], String> {
        let ended = self.child.try_wait().unwrap();
        self.read_available();
        match ended {
            Some(status) => Err(format!("the sensor ended ({status}): {}", self.stderr())),
            None => Ok(&self.records),
        }
    }

    /// Its process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has told of everything that happened before.
    pub fn catch_up(&mut self) {
        let mut last = Command::new(actor())
            .args(["exit", "0", "last"])
            .spawn()
            .unwrap();
        last.wait().unwrap();
        self.wait_for_act("process.exit", last.id(), |_| true);
    }

    /// The file its records go to.
    #[must_use]
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Reads the output from its start again: it was cut by somebody else.
    pub fn forget_position(&mut self) {
        self.reader.seek(SeekFrom::Start(0)).unwrap();
        self.partial.clear();
        self.records.clear();
    }

    /// Waits for a record, and returns it. `what` is said when none comes.
    pub fn wait_for(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            self.read_available();
            if let Some(found) = self.records[looked_at..]
                .iter()
                .find(|record| matches(record))
            {
                return found.clone();
            }
            looked_at = self.records.len();
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "the sensor ended ({status}) before {what}: {}",
                    self.stderr()
                );
            }
            assert!(
                Instant::now() < deadline,
                "no record of {what}; stderr: {}",
                self.stderr()
            );
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits for a record of one kind by one process.
    pub fn wait_for_act(
        &mut self,
        kind: &str,
        pid: u32,
        matches: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait_for(&format!("{kind} by {pid}"), |record| {
            record["kind"] == kind && pid_of(record) == Some(pid) && matches(record)
        })
    }

    /// Interrupts it, waits for its end, and reads the rest of its records.
    #[must_use]
    pub fn stop(self) -> Finished {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        self.wait()
    }

    /// Waits for its own end.
    #[must_use]
    pub fn wait(mut self) -> Finished {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "the sensor does not end: {}",
                self.stderr()
            );
            std::thread::sleep(GLANCE);
        };
        self.read_available();
        assert!(
            self.partial.is_empty(),
            "the output ends in half a line: {}",
            self.partial
        );
        Finished {
            status,
            stderr: self.stderr(),
            records: Records::new(std::mem::take(&mut self.records)),
        }
    }

    /// What it has said on its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    /// Reads what was written since, whole lines only.
    fn read_available(&mut self) {
        loop {
            let start = self.partial.len();
            if self.reader.read_line(&mut self.partial).unwrap() == 0 {
                // At the end of a file that grows, the reader must look again.
                let position = self.reader.stream_position().unwrap();
                self.reader.seek(SeekFrom::Start(position)).unwrap();
                return;
            }
            if !self.partial.ends_with('\n') {
                debug_assert!(self.partial.len() >= start);
                return;
            }
            let record = serde_json::from_str(&self.partial)
                .unwrap_or_else(|error| panic!("{error} in {:?}", self.partial));
            self.records.push(record);
            self.partial.clear();
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // A case that failed must not leave a sensor behind.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn wait_for_file(path: &Path) -> File {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match File::open(path) {
            Ok(file) => return file,
            Err(error) => assert!(Instant::now() < deadline, "{}: {error}", path.display()),
        }
        std::thread::sleep(GLANCE);
    }
}
