use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sensor_tests::{Cgroups, Sensor, actor, sensor_command};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    case::{Tier, Trouble},
    run::Run,
    who::Who,
};

/// Files whose reading is watched; each belongs to one case.
const READ: [&str; 9] = [
    "plain",
    "raced-1",
    "alias",
    "ring",
    "compat",
    "directory",
    "flooded",
    "behind",
    "noise",
];
/// A program whose acts are excluded, and the only file of its directory.
const EXCLUDED_PROGRAM: &str = "excluded-program/program";
/// A directory whose files are excluded.
const EXCLUDED_DIRECTORY: &str = "excluded-directory";
/// A cgroup whose acts are excluded.
const EXCLUDED_CGROUP: &str = "sensor-excluded";
/// Files whose writing is watched.
const WRITE: [&str; 1] = ["written"];
/// Between two looks at what the sensor writes.
const GLANCE: Duration = Duration::from_millis(5);
/// How long an end of a process is waited for. No case asserts a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// The same, when it was in vain before: the rest of the cases fail quickly.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// What all cases share: a sensor, watched files, a place to work.
pub(crate) struct Stage {
    pub(crate) tier: Tier,
    pub(crate) cgroups: Cgroups,
    sensor: Mutex<Option<Sensor>>,
    patience: Mutex<Duration>,
    /// A container that was there before the sensor: its cgroup and its process.
    resident: Mutex<Option<(PathBuf, Started)>>,
    unseen: OnceLock<Value>,
    directories: AtomicUsize,
    workplace: PathBuf,
    _guard: TempDir,
}

/// An actor that has been started.
pub(crate) struct Started {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// Number of records before it.
    from: usize,
}

impl Stage {
    pub(crate) fn set_up() -> Self {
        bring_up_loopback();
        let guard = tempfile::tempdir().unwrap();
        let workplace = fs::canonicalize(guard.path()).unwrap();
        let config = workplace.join("sensor.toml");
        let cgroups = Cgroups::find();
        fs::write(&config, configuration(&workplace, &cgroups)).unwrap();
        let resident = resident(&cgroups, &workplace);
        let sensor = Sensor::start(&[
            "--model",
            "none",
            "--tier",
            &wanted_tier(),
            "--config",
            config.to_str().unwrap(),
        ]);
        Self {
            tier: tier(&sensor.stderr()),
            cgroups,
            sensor: Mutex::new(Some(sensor)),
            patience: Mutex::new(PATIENCE),
            resident: Mutex::new(Some(resident)),
            unseen: OnceLock::new(),
            directories: AtomicUsize::new(0),
            workplace,
            _guard: guard,
        }
    }

    /// A new, empty directory.
    pub(crate) fn directory(&self) -> PathBuf {
        let number = self.directories.fetch_add(1, Ordering::Relaxed);
        let path = self.workplace.join(number.to_string());
        fs::create_dir(&path).unwrap();
        path
    }

    /// A new file with some words in it, which nobody watches.
    pub(crate) fn file(&self) -> PathBuf {
        let path = self.directory().join("file");
        fs::write(&path, "some words that were there before").unwrap();
        path
    }

    /// A file or directory that is watched.
    pub(crate) fn watched(&self, name: &str) -> PathBuf {
        assert!(READ.contains(&name) || WRITE.contains(&name), "{name}");
        watched(&self.workplace).join(name)
    }

    /// A copy of the actor that is excluded.
    pub(crate) fn excluded_program(&self) -> PathBuf {
        self.workplace.join(EXCLUDED_PROGRAM)
    }

    /// A directory whose files are excluded.
    pub(crate) fn excluded_directory(&self) -> PathBuf {
        self.workplace.join(EXCLUDED_DIRECTORY)
    }

    /// A new cgroup below an excluded one, of which the sensor knows.
    pub(crate) fn excluded_cgroup(&self) -> Result<PathBuf, Trouble> {
        let cgroup = self.cgroups.make(&format!("{EXCLUDED_CGROUP}/inner"));
        let told = self.look_until(*self.patience.lock().unwrap(), |records| {
            let made = |record: &&Value| {
                let path = record["cgroup"]["path"].as_str().unwrap_or_default();
                record["kind"] == "cgroup.create"
                    && path.ends_with(&format!("/{EXCLUDED_CGROUP}/inner"))
            };
            records.iter().find(made).map(drop)
        });
        match told? {
            Some(()) => Ok(cgroup),
            None => Err(Trouble::Missing("no record of the new cgroup".to_owned())),
        }
    }

    /// Has the actor do something, and waits until the sensor has told of its
    /// end: whatever it did must have been told before.
    pub(crate) fn act(&self, arguments: &[&str]) -> Result<Run<'_>, Trouble> {
        self.act_as(&actor(), arguments)
    }

    /// The same, of another program that does what the actor does.
    pub(crate) fn act_as(&self, program: &Path, arguments: &[&str]) -> Result<Run<'_>, Trouble> {
        let from = self.look(<[Value]>::len)?;
        self.finish(Started::new(program, arguments, from))
    }

    fn finish(&self, started: Started) -> Result<Run<'_>, Trouble> {
        let (facts, pid, from) = started.finish();
        let actor = facts.iter().find(|facts| facts["role"].is_null());
        let actor = actor.map_or_else(|| Who::number(pid), Who::of);
        let run = Run::new(self, facts, from);
        let patience = *self.patience.lock().unwrap();
        let ended = |record: &Value| record["kind"] == "process.exit" && actor.acted(record);
        if run.wait(patience, ended)?.is_none() {
            *self.patience.lock().unwrap() = SHORT_PATIENCE;
            return Err(Trouble::Wrong(format!("no record of the end of {pid}")));
        }
        Ok(run)
    }

    /// Lets the container that was there first do its act: its cgroup, and the
    /// run from the sensor's start on.
    pub(crate) fn resident(&self) -> Result<(PathBuf, Run<'_>), Trouble> {
        let (cgroup, mut started) = self.resident.lock().unwrap().take().unwrap();
        let mut input = started.child.stdin.take().unwrap();
        input.write_all(b"!").unwrap();
        let run = self.finish(started)?;
        self.cgroups.remove(&cgroup);
        Ok((cgroup, run))
    }

    /// Looks at all records so far.
    pub(crate) fn look<T>(&self, with: impl FnOnce(&[Value]) -> T) -> Result<T, Trouble> {
        let mut sensor = self.sensor.lock().unwrap();
        let sensor = sensor
            .as_mut()
            .ok_or_else(|| Trouble::Wrong("the sensor was stopped".to_owned()))?;
        sensor.look().map(with).map_err(Trouble::Wrong)
    }

    /// Looks again and again until there is something, or the time is up.
    pub(crate) fn look_until<T>(
        &self,
        patience: Duration,
        find: impl Fn(&[Value]) -> Option<T>,
    ) -> Result<Option<T>, Trouble> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.look(&find)?;
            if found.is_some() || Instant::now() > deadline {
                return Ok(found);
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// What the sensor's report says of acts of a kind that it does not see.
    pub(crate) fn unseen_words(&self, kind: &str) -> Option<String> {
        let report = self.unseen.get_or_init(|| {
            let output = sensor_command()
                .args(["doctor", "--json", "--tier", self.tier.name()])
                .output()
                .unwrap();
            serde_json::from_slice(&output.stdout).unwrap_or_default()
        });
        let hooks = report["hooks"].as_array()?;
        let words: Vec<&str> = hooks
            .iter()
            .filter(|hook| {
                hook["kinds"]
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|name| name == kind))
            })
            .flat_map(|hook| [&hook["unseen"], &hook["limits"]])
            .filter_map(Value::as_str)
            .filter(|words| !words.is_empty())
            .collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// The last case: the sensor ends when it is told to, and has lost nothing.
    pub(crate) fn end(&self) -> Result<(), String> {
        let sensor = self.sensor.lock().unwrap().take();
        let sensor = sensor.ok_or("the sensor was stopped before")?;
        let finished = sensor.stop();
        if !finished.status.success() {
            return Err(format!("{}: {}", finished.status, finished.stderr));
        }
        let losses = finished.records.losses();
        if !losses.is_empty() {
            return Err(losses.join("\n"));
        }
        let accounting = finished.records.summary()["accounting"].as_object();
        for (kind, totals) in accounting.ok_or("no accounting")? {
            let of = |fate: &str| totals[fate].as_u64().unwrap_or_default();
            let told = of("submitted") + of("counted") + of("excluded") + of("lost");
            if of("seen") != told {
                return Err(format!("{kind} does not add up: {totals}"));
            }
        }
        Ok(())
    }

    /// Stops what still runs.
    pub(crate) fn stop(&self) {
        self.sensor.lock().unwrap().take();
        if let Some((cgroup, mut started)) = self.resident.lock().unwrap().take() {
            let _ = started.child.kill();
            let _ = started.child.wait();
            self.cgroups.remove(&cgroup);
        }
        let _ = fs::remove_dir_all(&self.workplace);
    }
}

impl Started {
    fn new(program: &Path, arguments: &[&str], from: usize) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            output,
            from,
        }
    }

    /// Waits for its end: its facts, its number, and the records before it.
    fn finish(mut self) -> (Vec<Value>, u64, usize) {
        let facts = (&mut self.output)
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect();
        let pid = u64::from(self.child.id());
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.is_empty(), "the actor: {said}");
        (facts, pid, self.from)
    }
}

fn watched(workplace: &Path) -> PathBuf {
    workplace.join("watched")
}

/// Makes what is to be watched and what is to be excluded, and says so to the
/// sensor.
fn configuration(workplace: &Path, cgroups: &Cgroups) -> String {
    let watched = watched(workplace);
    fs::create_dir_all(watched.join("directory")).unwrap();
    let list = |names: &[&str]| {
        let quoted: Vec<String> = names
            .iter()
            .map(|name| {
                let path = watched.join(name);
                if !path.exists() {
                    fs::write(&path, "watched").unwrap();
                }
                format!("\"{}\"", path.display())
            })
            .collect();
        quoted.join(", ")
    };
    // Beside one that is watched, and not watched itself.
    fs::write(watched.join("raced-0"), "harmless").unwrap();
    let program = workplace.join(EXCLUDED_PROGRAM);
    fs::create_dir(program.parent().unwrap()).unwrap();
    fs::copy(actor(), &program).unwrap();
    let directory = workplace.join(EXCLUDED_DIRECTORY);
    fs::create_dir(&directory).unwrap();
    format!(
        "[watch]\nread = [{}]\nwrite = [{}]\n\
         [exclude]\nexecutables = [\"{}\"]\ncgroups = [\"{}\"]\npaths = [\"{}\"]\n",
        list(&READ),
        list(&WRITE),
        program.display(),
        cgroups.path_of(EXCLUDED_CGROUP).display(),
        directory.display(),
    )
}

/// Starts a container before the sensor, and waits until it is one.
fn resident(cgroups: &Cgroups, workplace: &Path) -> (PathBuf, Started) {
    let cgroup = cgroups.make(&format!("system.slice/docker-{}.scope", "5e".repeat(32)));
    let file = workplace.join("made-by-resident");
    let arguments = [
        "container",
        "wait",
        cgroup.to_str().unwrap(),
        file.to_str().unwrap(),
    ];
    let mut started = Started::new(&actor(), &arguments, 0);
    let mut line = String::new();
    started.output.read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "{line}");
    (cgroup, started)
}

/// The tier that is asked for.
pub(crate) fn wanted_tier() -> String {
    std::env::var("SENSOR_TIER").unwrap_or_else(|_| "auto".to_owned())
}

/// The tier that a sensor says it is in.
fn tier(stderr: &str) -> Tier {
    let found = Tier::ALL
        .into_iter()
        .find(|tier| stderr.contains(&format!(", {} tier\n", tier.name())));
    found.unwrap_or_else(|| panic!("the sensor does not say its tier: {stderr}"))
}

/// In a machine that has just started, nobody may have done it.
fn bring_up_loopback() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // SAFETY: names and numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, letter) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = letter.cast_signed();
    }
    let handle = std::os::fd::AsRawFd::as_raw_fd(&socket);
    let up = libc::c_short::try_from(libc::IFF_UP).unwrap();
    // SAFETY: the request is whole, and the first call fills in what the second looks at.
    unsafe {
        assert_eq!(libc::ioctl(handle, libc::SIOCGIFFLAGS, &raw mut request), 0);
        request.ifr_ifru.ifru_flags |= up;
        assert_eq!(libc::ioctl(handle, libc::SIOCSIFFLAGS, &raw mut request), 0);
    }
}
