use serde_json::Value;

/// The process that acted, and what every record of it must say.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) pid: u64,
    /// Start in clock ticks, as `/proc` has it.
    pub(crate) start_ticks: Option<u64>,
    pub(crate) euid: Option<u64>,
    pub(crate) capabilities: Option<String>,
    pub(crate) mount_namespace: Option<u64>,
    /// It acts in its main thread.
    pub(crate) main_thread: bool,
}

impl Who {
    /// From the facts that it printed.
    pub(crate) fn of(facts: &Value) -> Self {
        Self {
            pid: facts["pid"].as_u64().unwrap(),
            start_ticks: facts["start_ticks"].as_u64(),
            euid: facts["euid"].as_u64(),
            capabilities: facts["capabilities"].as_str().map(str::to_owned),
            mount_namespace: facts["mount_namespace"].as_u64(),
            main_thread: true,
        }
    }

    /// Somebody of whom only the number is known.
    pub(crate) const fn number(pid: u64) -> Self {
        Self {
            pid,
            start_ticks: None,
            euid: None,
            capabilities: None,
            mount_namespace: None,
            main_thread: true,
        }
    }

    /// The same, when its rights change with the act.
    pub(crate) fn changing(mut self) -> Self {
        self.euid = None;
        self.capabilities = None;
        self
    }

    /// The same, when its mount namespace changes with the act.
    pub(crate) fn moving(mut self) -> Self {
        self.mount_namespace = None;
        self
    }

    /// The same, when another of its threads may act.
    pub(crate) fn any_thread(mut self) -> Self {
        self.main_thread = false;
        self
    }

    /// Whether a record is about it.
    pub(crate) fn acted(&self, record: &Value) -> bool {
        let process = &record["process"];
        let started = || {
            let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
            process["start_boottime_ns"].as_u64().unwrap_or_default() / tick
        };
        process["pid"] == self.pid && self.start_ticks.is_none_or(|ticks| ticks == started())
    }

    /// What a record of it says differently.
    pub(crate) fn differences(&self, record: &Value) -> Vec<String> {
        let process = &record["process"];
        let mut differences = Vec::new();
        let mut compare = |key: &str, wanted: Option<Value>| {
            if let Some(wanted) = wanted.filter(|wanted| process[key] != *wanted) {
                let said = &process[key];
                differences.push(format!("process.{key} is {said}, not {wanted}"));
            }
        };
        compare("tid", self.main_thread.then(|| self.pid.into()));
        compare("euid", self.euid.map(Value::from));
        compare("capabilities", self.capabilities.clone().map(Value::from));
        compare("mount_namespace", self.mount_namespace.map(Value::from));
        differences
    }
}
