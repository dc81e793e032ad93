//! A sensor whose model changes, step by step.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use sensor_tests::{Sensor, actor, model_files::Signing};
use serde_json::Value;

/// A sensor that runs with a file of its own, and how many steps it has told.
pub(super) struct Watched {
    pub(super) sensor: Sensor,
    pub(super) signing: Signing,
    model: PathBuf,
    told: usize,
}

impl Watched {
    /// Starts with this file; `policy` goes behind the section `[model]`.
    pub(super) fn start(signing: Signing, model: &[u8], policy: &str, options: &[&str]) -> Self {
        let path = signing.path("live.model");
        fs::write(&path, model).unwrap();
        let policy = signing.policy(&path, policy);
        let mut all = vec!["--config", policy.to_str().unwrap()];
        all.extend(options);
        Self {
            sensor: Sensor::start(&all),
            signing,
            model: path,
            told: 0,
        }
    }

    /// Puts another file in the place of its model, as a whole.
    pub(super) fn replace(&self, model: &[u8]) {
        let new = self.signing.path("new.model");
        fs::write(&new, model).unwrap();
        fs::rename(new, &self.model).unwrap();
    }

    /// Has it look at the file.
    pub(super) fn hang_up(&self) {
        let pid = Pid::from_raw(self.sensor.pid().cast_signed()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
    }

    pub(super) fn model(&self) -> &Path {
        &self.model
    }

    /// The next step that it tells of.
    pub(super) fn next_step(&mut self) -> Value {
        let left = Cell::new(self.told);
        let record = self.sensor.wait_for("a step of the models", |record| {
            let is_step = record["kind"] == "model";
            let is_next = is_step && left.get() == 0;
            left.set(left.get().saturating_sub(usize::from(is_step)));
            is_next
        });
        self.told += 1;
        record["model"].clone()
    }

    /// The next step, which must be this one.
    pub(super) fn expect(&mut self, step: &str) -> Value {
        let told = self.next_step();
        assert_eq!(told["step"], step, "{told}");
        told
    }

    /// True when it has told of a step that was not taken in yet.
    pub(super) fn has_told(&mut self) -> bool {
        let records = self.sensor.look().unwrap();
        let steps = records.iter().filter(|record| record["kind"] == "model");
        steps.count() > self.told
    }

    /// What the model says of an attack's stand-in.
    pub(super) fn verdict_on_attack(&mut self) -> Value {
        let mut attack = attack();
        let verdict = self.sensor.wait_for_act("verdict", attack.id(), |_| true);
        attack.kill().unwrap();
        attack.wait().unwrap();
        verdict["verdict"].clone()
    }
}

/// A program that lies in memory only.
pub(super) fn attack() -> Child {
    Command::new(actor())
        .args(["fileless", "worker"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
