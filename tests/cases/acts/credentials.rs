//! Users, groups, capabilities, namespaces, keys.

use crate::{
    case::{Case, Played},
    stage::Stage,
    wanted::{Wanted, is, names, outcome},
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "setuid",
        "setreuid",
        "setresuid",
        "setgid",
        "setregid",
        "setresgid",
        "capset",
    ]
    .map(|how| Case::act("credentials.change", how, move |stage| change(stage, how)))
    .into();
    cases.extend([
        Case::act("credentials.namespace", "unshare", |stage| {
            unshare(stage, &["mount", "uts", "network"])
        }),
        Case::act("credentials.namespace", "unshare_user", |stage| {
            unshare(stage, &["user", "ipc", "cgroup"])
        }),
        Case::act("credentials.namespace", "setns", setns),
        Case::act("credentials.key", "add_key", |stage| {
            let run = stage.act(&["credentials", "add-key"])?;
            let wanted = [
                ("key.command", is("add_key")),
                ("key.result", outcome(run.number("result"))),
            ];
            run.expect_times(1, "credentials.key", &wanted)
        }),
        Case::act("credentials.key", "keyctl", |stage| {
            let run = stage.act(&["credentials", "keyctl", "setperm"])?;
            let arguments = vec![run.number("key"), run.number("permissions")];
            let wanted = [
                ("key.command", is("KEYCTL_SETPERM")),
                ("key.arguments", is(arguments)),
                ("key.result", outcome(0)),
            ];
            run.expect_times(1, "credentials.key", &wanted)
        }),
    ]);
    cases
}

/// The record has what the thread has afterwards, however it came to it.
fn change(stage: &Stage, how: &str) -> Played {
    let run = stage.act(&["credentials", how])?;
    let facts = run.facts();
    let wanted = [
        ("credentials.after", is(facts["after"].clone())),
        (
            "credentials.before",
            Wanted::Perhaps(facts["before"].clone()),
        ),
    ];
    run.expect_by(&run.actor().changing(), "credentials.change", &wanted)?;
    Ok(())
}

fn unshare(stage: &Stage, spaces: &'static [&'static str]) -> Played {
    let mut arguments = vec!["namespaces", "unshare"];
    arguments.extend(spaces);
    let run = stage.act(&arguments)?;
    let after = &run.facts()["after"];
    let mut wanted = vec![
        ("namespaces.joined", is(false)),
        ("namespaces.flags", names(spaces)),
        ("namespaces.result", outcome(0)),
    ];
    for (place, name) in [
        ("namespaces.mount", "mount"),
        ("namespaces.network", "network"),
        ("namespaces.user", "user"),
        ("namespaces.uts", "uts"),
        ("namespaces.ipc", "ipc"),
        ("namespaces.cgroup", "cgroup"),
    ] {
        wanted.push((place, outcome(after[name].clone())));
    }
    let who = run.actor().changing().moving();
    run.expect_by(&who, "credentials.namespace", &wanted)?;
    Ok(())
}

fn setns(stage: &Stage) -> Played {
    let run = stage.act(&["namespaces", "setns"])?;
    let wanted = [
        ("namespaces.joined", is(true)),
        ("namespaces.flags", names(&["uts"])),
        ("namespaces.uts", outcome(run.number("joined"))),
        ("namespaces.result", outcome(0)),
    ];
    run.expect("credentials.namespace", &wanted)?;
    Ok(())
}
