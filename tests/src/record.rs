use serde_json::Value;

/// All records of a run.
pub struct Records(Vec<Value>);

impl Records {
    pub(crate) const fn new(records: Vec<Value>) -> Self {
        Self(records)
    }

    /// Every record, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// Records of one kind, in order.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |record| record["kind"] == kind)
    }

    /// Records of losses, but for those that the kernel makes by passing a program.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        self.of_kind("loss")
            .filter(|record| record["loss"]["source"] != "program_skipped")
            .map(Value::to_string)
            .collect()
    }

    /// The run's summary.
    #[must_use]
    pub fn summary(&self) -> &Value {
        &self
            .of_kind("summary")
            .last()
            .expect("a run ends with a summary")["summary"]
    }
}

/// Number of the process that a record is about.
#[must_use]
pub fn pid_of(record: &Value) -> Option<u32> {
    record["process"]["pid"].as_u64()?.try_into().ok()
}

/// Arguments of the process that a record is about.
#[must_use]
pub fn args_of(record: &Value) -> Vec<&str> {
    record["process"]["args"]
        .as_array()
        .map(|args| args.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}
