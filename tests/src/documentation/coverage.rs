//! `docs/coverage.md`: the hook table, and what the acts' cases found on real
//! kernels.

use std::{collections::BTreeMap, fs};

use sensor_user::{
    capture::{HOOKS, Hook, Need, Point, Required, Tier},
    policy::WATCHED_SECRETS,
};

use super::{NOTICE, cell, put};

/// What a full run of `cargo xtask vm` found, as it was accepted.
const ACCEPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/coverage.json");

/// `docs/coverage.md`, from the hook table and the accepted run.
#[must_use]
pub fn coverage_page() -> String {
    let mut page = String::from(NOTICE);
    page.push_str(
        "# Coverage\n\n\
         What the sensor sees, act by act, in each of four tiers. The LSM tier needs `bpf` among \
         the active security modules, the fentry tier a kernel that lets programs be attached to \
         functions, the tracepoint tier neither. `sensor doctor` says which tier a machine allows, \
         where each hook is attached there, and in whose words one was refused. A hook that its \
         tier refuses runs in the tracepoint tier instead, and the report says so. The light tier has \
         no hook on system calls, sees least, and is used on request (`--tier light`).\n\n\
         ## Hooks\n\n\
         | acts | LSM tier | fentry tier | tracepoint tier | light tier | unseen without it |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for hook in HOOKS {
        put(
            &mut page,
            format_args!(
                "| {} | {} | {} | {} | {} | {} |\n",
                kinds(hook),
                places(hook, Tier::Lsm),
                places(hook, Tier::Fentry),
                places(hook, Tier::Tracepoint),
                places(hook, Tier::Light),
                cell(hook.unseen),
            ),
        );
    }
    limits(&mut page);
    secrets(&mut page);
    matrix(&mut page);
    page.push_str(OUTSIDE);
    page
}

/// What is watched unless the policy says otherwise.
fn secrets(page: &mut String) {
    page.push_str(
        "\n## Names whose reading is recorded\n\n\
         Opening a regular file for reading leaves a record where its name and that of its directory \
         are among these, in whatever home, container or mount namespace it is; `[watch] names` in \
         the policy puts others in their place. An asterisk is any name, `<pid>` the directory of \
         another process in proc. The names are those that the kernel has for the file: one that is \
         mounted elsewhere goes by its own, and a second name (`file.link`) that is not among these \
         is not watched.\n\n\
         | files | what they hold |\n\
         | --- | --- |\n",
    );
    for (name, reason) in WATCHED_SECRETS {
        put(
            page,
            format_args!("| `{}` | {} |\n", cell(name), cell(reason)),
        );
    }
}

fn kinds(hook: &Hook) -> String {
    if hook.kinds.is_empty() {
        return String::from("(calls other hooks)");
    }
    hook.kinds
        .iter()
        .map(|kind| format!("`{}`", kind.name()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn places(hook: &Hook, tier: Tier) -> String {
    let points = hook.points(tier);
    if points.is_empty() {
        return String::from("–");
    }
    let mut text = points
        .iter()
        .map(|&point| place(point, tier))
        .collect::<Vec<_>>()
        .join(", ");
    if matches!(tier, Tier::Lsm | Tier::Fentry) && !hook.otherwise.is_empty() {
        let otherwise: Vec<String> = hook
            .otherwise
            .iter()
            .map(|&point| place(point, tier))
            .collect();
        put(&mut text, format_args!("; else {}", otherwise.join(", ")));
    }
    text
}

fn place((point, need): Required, tier: Tier) -> String {
    let name = match point {
        Point::Tracepoint { names, .. } => format!("tracepoint `{}`", names.join("` or `")),
        Point::Security(name) if tier == Tier::Lsm => format!("`{name}`"),
        Point::Security(name) => format!("`security_{name}`"),
        Point::Entry { function, .. } => format!("entry of `{function}`"),
        Point::Exit { function, .. } => format!("end of `{function}`"),
        Point::CgroupSocket(name) => format!("cgroup `{name}`"),
        Point::FileNotices(sort) => format!("fanotify `{sort}`"),
        Point::Syscall(act) => format!("`{}`", act.program()),
    };
    match need {
        Need::Always => name,
        Need::IfPresent => format!("{name} (if there)"),
        Need::IfPreemptible => format!("{name} (a second time, on 6.19 and later)"),
    }
}

fn limits(page: &mut String) {
    page.push_str(
        "\n## What a tier cannot tell\n\n| acts | LSM and fentry tiers | tracepoint tier | light tier |\n\
         | --- | --- | --- | --- |\n",
    );
    for hook in HOOKS {
        let of = [Tier::Lsm, Tier::Tracepoint, Tier::Light].map(|tier| hook.limits(tier));
        if of.iter().all(|limits| limits.is_empty()) {
            continue;
        }
        let [trampoline, tracepoint, light] = of.map(cell);
        put(
            page,
            format_args!(
                "| {} | {trampoline} | {tracepoint} | {light} |\n",
                kinds(hook),
            ),
        );
    }
}

/// The accepted run: see `xtask/src/vm/accepted.rs`.
#[derive(serde::Deserialize)]
struct Accepted {
    columns: Vec<String>,
    acts: BTreeMap<String, String>,
}

fn matrix(page: &mut String) {
    let text = fs::read_to_string(ACCEPTED).expect("tests/coverage.json is there");
    let accepted: Accepted = serde_json::from_str(&text).expect("tests/coverage.json is whole");
    put(
        page,
        format_args!(
            "\n## Proved\n\n\
             Each act was performed on each kernel in each tier by the cases of `tests/cases/acts`, \
             and what the records say compared with what the actor saw (`cargo xtask vm`). ● the \
             record was right, ○ the tier cannot see it, and the capability report says so. A \
             kernel's name with a `-` was booted without `bpf` among its security modules.\n\n\
             | act | {} |\n|{}\n",
            accepted.columns.join(" | "),
            " --- |".repeat(accepted.columns.len() + 1),
        ),
    );
    for (act, signs) in &accepted.acts {
        put(page, format_args!("| {} |", cell(act)));
        for sign in signs.chars() {
            let symbol = match sign {
                's' => "●",
                'u' => "○",
                _ => "",
            };
            put(page, format_args!(" {symbol} |"));
        }
        page.push('\n');
    }
}

const OUTSIDE: &str = "
## Outside

- Arguments that a process overwrites in place pass no hook: the record of its exec has the true
  ones.
- Files written through a mapping, a descriptor that was passed on, `sendfile` or `splice` are seen
  at their opening; the bytes themselves are not.
- A process that is root can end the sensor.
";
