//! Records of one process come in the order of its acts, and times are those
//! of the acts, whichever processor they happened on.

use serde_json::Value;

use crate::{
    case::{Case, Played, Trouble},
    run::{GRACE, time_of},
    stage::Stage,
    who::Who,
};

const ROUNDS: usize = 200;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::order("acts of one process", "process.rename", mixed),
        Case::order("times across processors", "file.open", ping_pong),
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
            return Err(Trouble::Wrong(format!("{} records of {path}", told.len())));
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
