use std::time::Duration;

use serde_json::Value;

use crate::{
    case::{Played, Tier, Trouble},
    stage::Stage,
    wanted::{Wanted, differences},
    who::Who,
};

/// How long a record may come after the end of its process before it is said
/// to be missing.
pub(crate) const GRACE: Duration = Duration::from_millis(300);
/// Kinds that are not told when they happen.
const NO_ACTS: [&str; 5] = [
    "process.snapshot",
    "process.hash",
    "verdict",
    "loss",
    "summary",
];

/// What an actor did, and what the sensor tells of it.
pub(crate) struct Run<'a> {
    stage: &'a Stage,
    facts: Vec<Value>,
    /// Number of records before it.
    from: usize,
}

impl<'a> Run<'a> {
    pub(crate) const fn new(stage: &'a Stage, facts: Vec<Value>, from: usize) -> Self {
        Self { stage, facts, from }
    }

    /// What the actor itself printed at last.
    pub(crate) fn facts(&self) -> &Value {
        let facts = self.facts.iter().rfind(|facts| facts["role"].is_null());
        facts.unwrap_or_else(|| panic!("the actor printed no facts"))
    }

    /// What another process that took part printed.
    pub(crate) fn facts_of(&self, role: &str) -> &Value {
        let facts = self.facts.iter().find(|facts| facts["role"] == role);
        facts.unwrap_or_else(|| panic!("no facts of the {role} process"))
    }

    /// What all processes of a role printed.
    pub(crate) fn facts_of_all<'b>(&'b self, role: &'b str) -> impl Iterator<Item = &'b Value> {
        self.facts.iter().filter(move |facts| facts["role"] == role)
    }

    pub(crate) const fn tier(&self) -> Tier {
        self.stage.tier
    }

    pub(crate) fn number(&self, fact: &str) -> u64 {
        self.facts()[fact].as_u64().unwrap()
    }

    pub(crate) fn actor(&self) -> Who {
        Who::of(self.facts())
    }

    /// Records of this run that are so.
    pub(crate) fn records(&self, so: impl Fn(&Value) -> bool) -> Result<Vec<Value>, Trouble> {
        self.stage.look(|records| {
            let records = &records[self.from..];
            records
                .iter()
                .filter(|record| so(record))
                .cloned()
                .collect()
        })
    }

    /// Waits for a record.
    pub(crate) fn wait(
        &self,
        patience: Duration,
        so: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, Trouble> {
        self.stage.look_until(patience, |records| {
            let records = &records[self.from..];
            records.iter().find(|record| so(record)).cloned()
        })
    }

    /// A record of the actor that holds all this.
    pub(crate) fn expect(&self, kind: &str, wanted: &[(&str, Wanted)]) -> Result<Value, Trouble> {
        self.expect_by(&self.actor(), kind, wanted)
    }

    /// A record of this process that holds all this, and everything of the
    /// process in order.
    pub(crate) fn expect_by(
        &self,
        who: &Who,
        kind: &str,
        wanted: &[(&str, Wanted)],
    ) -> Result<Value, Trouble> {
        let told = |record: &Value| record["kind"] == kind && who.acted(record);
        let meets = |record: &Value| told(record) && unmet(who, record, wanted).is_empty();
        let Some(record) = self.wait(GRACE, meets)? else {
            return Err(self.unmet(who, kind, wanted, &self.records(told)?));
        };
        self.in_order(who)?;
        Ok(record)
    }

    /// Says which record comes closest, and what is wrong with it.
    fn unmet(
        &self,
        who: &Who,
        kind: &str,
        wanted: &[(&str, Wanted)],
        records: &[Value],
    ) -> Trouble {
        let closest = records
            .iter()
            .map(|record| (unmet(who, record, wanted), record))
            .min_by_key(|(unmet, _)| unmet.len());
        if let Some((unmet, record)) = closest {
            return Trouble::Wrong(format!("{kind}: {}\nin {record}", unmet.join("\n")));
        }
        let others =
            |record: &Value| record["kind"] == kind && differences(record, wanted).is_empty();
        match self.records(others) {
            Ok(others) if !others.is_empty() => Trouble::Wrong(format!(
                "{kind} is told of another process than {}: {}",
                who.pid, others[0]
            )),
            _ => Trouble::Missing(format!("no record {kind} of {}", who.pid)),
        }
    }

    /// Exactly this many records of the actor hold all this.
    pub(crate) fn expect_times(
        &self,
        times: usize,
        kind: &str,
        wanted: &[(&str, Wanted)],
    ) -> Played {
        if times > 0 {
            self.expect(kind, wanted)?;
        }
        let who = self.actor();
        let records = self.records(|record| {
            record["kind"] == kind && who.acted(record) && differences(record, wanted).is_empty()
        })?;
        if records.len() == times {
            return Ok(());
        }
        let list: Vec<String> = records.iter().take(3).map(Value::to_string).collect();
        Err(Trouble::Wrong(format!(
            "{} records {kind}, not {times}\n{}",
            records.len(),
            list.join("\n")
        )))
    }

    /// The actor has no such record.
    pub(crate) fn expect_none(&self, kind: &str, wanted: &[(&str, Wanted)]) -> Played {
        self.expect_times(0, kind, wanted)
    }

    /// Records of one process come in the order in which they happened, and
    /// none before it started. Numbers of acts without a record are of a span of
    /// time, and come when they are read.
    fn in_order(&self, who: &Who) -> Played {
        let records = self.records(|record| {
            who.acted(record) && !NO_ACTS.iter().any(|kind| record["kind"] == *kind)
        })?;
        let mut last = String::new();
        for record in &records {
            let time = time_of(record);
            let start = moment(&record["process"]["start_time"]);
            let in_order = record["kind"] == "repeat" || time >= last;
            if !in_order || time < start {
                return Err(Trouble::Wrong(format!(
                    "this is told too late, after {last}, of a process of {start}: {record}"
                )));
            }
            last = last.max(time);
        }
        Ok(())
    }
}

fn unmet(who: &Who, record: &Value, wanted: &[(&str, Wanted)]) -> Vec<String> {
    let mut unmet = who.differences(record);
    unmet.extend(differences(record, wanted));
    unmet
}

/// When a record's act happened, as a text that sorts.
pub(crate) fn time_of(record: &Value) -> String {
    moment(&record["time"])
}

/// A moment with all nine digits of its fraction.
fn moment(text: &Value) -> String {
    let text = text.as_str().unwrap().trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<9}")
}
