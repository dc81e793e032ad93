//! Records of one process come in the order of its acts, and times are those
//! of the acts, whichever processor they happened on.

use std::time::Duration;

use serde_json::Value;

use crate::{
    case::{Case, Played, Trouble},
    run::{GRACE, Run, time_of},
    stage::Stage,
    who::Who,
};

const ROUNDS: usize = 200;
const BUSY_ROUNDS: u64 = 900;
/// Until a loss is told of.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::order("acts of one process", "process.rename", mixed),
        Case::order("times across processors", "file.open", ping_pong),
        Case::order("every act of busy processes", "file.open", busy),
    ]
}

/// What one round of the actor's acts leaves, in order.
fn round(directory: &str, round: usize) -> [(&'static str, String); 5] {
    let file = format!("{directory}/{round}");
    [
        ("file.open", file.clone()),
        ("network.socket", "raw".to_owned()),
        ("process.rename", format!("round-{round}")),
        ("credentials.namespace", "uts".to_owned()),
        ("file.unlink", file),
    ]
}

/// The part of a record that tells its act from others.
fn mark(record: &Value) -> String {
    let value = match record["kind"].as_str().unwrap_or_default() {
        "network.socket" => &record["network"]["socket_type"],
        "process.rename" => &record["change"]["name"],
        "credentials.namespace" => &record["namespaces"]["flags"][0],
        _ => &record["file"]["path"],
    };
    value.as_str().unwrap_or_default().to_owned()
}

fn mixed(stage: &Stage) -> Played {
    let directory = stage.directory();
    let rounds = ROUNDS.to_string();
    let run = stage.act(&["order", "mixed", directory.to_str().unwrap(), &rounds])?;
    let wanted: Vec<(&str, String)> = (0..ROUNDS)
        .flat_map(|number| round(directory.to_str().unwrap(), number))
        .collect();
    let who = run.actor();
    let told = run.records(|record| {
        who.acted(record) && wanted[..5].iter().any(|(kind, _)| record["kind"] == *kind)
    })?;
    for (index, (kind, words)) in wanted.iter().enumerate() {
        let Some(record) = told.get(index) else {
            return Err(Trouble::Missing(format!(
                "{} records of {} acts",
                told.len(),
                wanted.len()
            )));
        };
        if record["kind"] != *kind || mark(record) != *words {
            return Err(Trouble::Wrong(format!(
                "not {kind} {words} as record {index}: {record}"
            )));
        }
    }
    if let Some([one, next]) = told
        .array_windows()
        .find(|[one, next]| time_of(next) < time_of(one))
    {
        return Err(Trouble::Wrong(format!("times go back:\n{one}\n{next}")));
    }
    if told.len() > wanted.len() {
        let more = &told[wanted.len()];
        return Err(Trouble::Wrong(format!("more than was done: {more}")));
    }
    Ok(())
}

/// How many opens are told of a process, and those that are none of its own.
fn opens_of(run: &Run, who: &Who) -> Result<String, Trouble> {
    let opens = run.records(|record| record["kind"] == "file.open" && who.acted(record))?;
    let last: Vec<&Value> = opens.iter().map(|record| &record["file"]["path"]).collect();
    Ok(format!("{}: {last:?}", opens.len()))
}

/// Each act happens after the other's last.
fn ping_pong(stage: &Stage) -> Played {
    let directory = stage.directory();
    let directory = directory.to_str().unwrap();
    let run = stage.act(&["order", "ping-pong", directory, &ROUNDS.to_string()])?;
    let odd = Who::of(run.facts_of("odd"));
    for facts in [run.facts(), run.facts_of("odd")] {
        if facts["pinned"] != true {
            return Err(Trouble::Impossible(
                "this machine has one processor".to_owned(),
            ));
        }
    }
    let mut last = String::new();
    for number in 0..2 * ROUNDS {
        let who = if number % 2 == 0 {
            run.actor()
        } else {
            odd.clone()
        };
        let path = format!("{directory}/{number}");
        let told = |record: &Value| {
            record["kind"] == "file.open" && record["file"]["path"] == path.as_str()
        };
        // The other process's end is not waited for, only the actor's.
        run.wait(GRACE, told)?;
        let told = run.records(told)?;
        let [record] = &told[..] else {
            return Err(Trouble::Wrong(format!(
                "{} records of {path}; the process has {}",
                told.len(),
                opens_of(&run, &who)?
            )));
        };
        if !who.acted(record) {
            return Err(Trouble::Wrong(format!("not by {}: {record}", who.pid)));
        }
        let time = time_of(record);
        if time <= last {
            return Err(Trouble::Wrong(format!("not after {last}: {record}")));
        }
        last = time;
    }
    Ok(())
}

/// What is not told is counted as lost: a kernel that preempts a process inside
/// of a tracing program skips that program for whoever runs in between.
fn busy(stage: &Stage) -> Played {
    let directory = stage.directory();
    let rounds = BUSY_ROUNDS.to_string();
    let run = stage.act(&["order", "busy", directory.to_str().unwrap(), &rounds])?;
    let mut missed = 0;
    for facts in run.facts_of_all("busy") {
        let who = Who::of(facts);
        let told = |record: &Value| {
            record["kind"] == "file.open"
                && record["file"]["path"] == facts["path"]
                && who.acted(record)
        };
        let records = run.records(told)?;
        let told = records.len() as u64;
        if told > BUSY_ROUNDS {
            let times: Vec<&Value> = records.iter().map(|record| &record["time"]).collect();
            return Err(Trouble::Wrong(format!(
                "{told} records of {BUSY_ROUNDS} opens: {facts}, at {times:?}"
            )));
        }
        missed += BUSY_ROUNDS - told;
    }
    if missed == 0 {
        return Ok(());
    }
    let told = |records: &[Value]| {
        let skipped = records.iter().filter(|record| {
            record["kind"] == "loss" && record["loss"]["source"] == "program_skipped"
        });
        let skipped: u64 = skipped
            .filter_map(|record| record["loss"]["lost"].as_u64())
            .sum();
        (skipped >= missed).then_some(())
    };
    match stage.look_until(PATIENCE, told)? {
        Some(()) => Ok(()),
        None => Err(Trouble::Wrong(format!(
            "{missed} opens are missing, and not counted as lost"
        ))),
    }
}
