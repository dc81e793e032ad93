//! What an act printed about itself.

use std::{
    fs,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

use rustix::fs::Stat;
use serde_json::{Map, Value};

/// Facts of one process, printed as one line.
///
/// They start with who it is: what every record of it must say.
pub(crate) struct Facts(Map<String, Value>);

impl Facts {
    /// Facts of the main process of an act.
    pub(crate) fn new() -> Self {
        let mut facts = Self(Map::new());
        facts.look();
        facts
    }

    /// Facts of another process that takes part.
    pub(crate) fn of(role: &str) -> Self {
        let mut facts = Self::new();
        facts.set("role", role);
        facts
    }

    /// Facts of something that is not a process.
    pub(crate) fn of_nobody() -> Self {
        Self(Map::new())
    }

    /// Looks again: who it is has changed.
    pub(crate) fn look(&mut self) {
        // The number that the namespace of /proc has for it: the outermost one.
        let pid: u32 = fs::read_link("/proc/self")
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        self.set("pid", pid);
        self.set("start_ticks", start_ticks("/proc/self/stat"));
        self.set("euid", status("Uid")[1].parse::<u32>().unwrap());
        self.set("capabilities", status("CapEff")[0].clone());
        if let Ok(namespace) = fs::metadata("/proc/self/ns/mnt") {
            self.set("mount_namespace", namespace.ino());
        }
    }

    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Device, inode and permission bits of a file by its path, links not
    /// followed.
    pub(crate) fn set_file(&mut self, path: impl AsRef<Path>) {
        let stat = rustix::fs::lstat(path.as_ref()).unwrap();
        self.set_stat(&stat);
    }

    /// Device, inode and permission bits of an open file.
    pub(crate) fn set_open_file(&mut self, file: impl AsFd) {
        let stat = rustix::fs::fstat(file).unwrap();
        self.set_stat(&stat);
    }

    fn set_stat(&mut self, stat: &Stat) {
        self.set("inode", stat.st_ino);
        self.set("device", device(stat.st_dev));
        self.set("mode", format!("{:04o}", stat.st_mode & 0o7777));
    }

    /// Users, groups and capabilities as they are.
    pub(crate) fn set_credentials(&mut self, key: &str) {
        let number = |name: &str, index: usize| -> Value {
            status(name)[index].parse::<u32>().unwrap().into()
        };
        let mut set = Map::new();
        for (index, name) in ["uid", "euid", "suid"].into_iter().enumerate() {
            set.insert(name.to_owned(), number("Uid", index));
        }
        for (index, name) in ["gid", "egid", "sgid"].into_iter().enumerate() {
            set.insert(name.to_owned(), number("Gid", index));
        }
        set.insert("effective".to_owned(), status("CapEff")[0].clone().into());
        set.insert("permitted".to_owned(), status("CapPrm")[0].clone().into());
        self.set(key, set);
    }

    pub(crate) fn value(self) -> Value {
        self.0.into()
    }

    /// What is to be printed.
    pub(crate) fn line(self) -> String {
        self.value().to_string()
    }

    pub(crate) fn print(self) {
        println!("{}", self.line());
    }
}

/// `major:minor`.
pub(crate) fn device(number: u64) -> String {
    format!(
        "{}:{}",
        rustix::fs::major(number),
        rustix::fs::minor(number)
    )
}

/// Start of a process in clock ticks, from its `stat` file.
pub(crate) fn start_ticks(path: impl AsRef<Path>) -> u64 {
    let stat = fs::read_to_string(path).unwrap();
    let after_name = &stat[stat.rfind(')').unwrap() + 2..];
    // The name is the second field, the start the 22nd.
    after_name.split(' ').nth(19).unwrap().parse().unwrap()
}

/// Fields of a line of this process's `status` file.
fn status(name: &str) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}
