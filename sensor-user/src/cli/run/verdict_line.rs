use std::fmt::Write as _;

use crate::{
    outputs::{ProcessPart, VerdictPart},
    policy::Action,
};

/// Characters of the arguments that are shown.
const ARGUMENTS_MAX: usize = 120;

/// A verdict for people: what, who, why, and what was done.
pub(super) fn render(time: &str, verdict: &VerdictPart, process: &ProcessPart) -> String {
    let done = match verdict.action {
        Action::None => "none",
        Action::Flag => "flagged",
        Action::Kill => {
            if verdict.kill_error.is_some() {
                "NOT KILLED"
            } else {
                "killed"
            }
        }
        Action::Spare => "spared",
    };
    let mut line = format!(
        "{time} {} {:.3} {done} pid {} {}",
        verdict.label.name(),
        verdict.score,
        process.pid,
        printable(process.exe.as_deref().unwrap_or("(unknown program)")),
    );
    if let Some(args) = &process.args {
        let text = printable(&args.join(" "));
        let shown: String = text.chars().take(ARGUMENTS_MAX).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        let _ = write!(line, " [{shown}{more}]");
    }
    if let Some(parent) = process
        .parent
        .as_ref()
        .and_then(|parent| parent.exe.as_deref())
    {
        let _ = write!(line, " below {}", printable(parent));
    }
    if let Some(error) = &verdict.kill_error {
        let _ = write!(line, ": {error}");
    }
    let reasons: Vec<&str> = verdict
        .reasons
        .iter()
        .map(|reason| reason.meaning)
        .collect();
    if !reasons.is_empty() {
        let _ = write!(line, " — {}", reasons.join("; "));
    }
    line
}

/// Text from a process must not steer the operator's terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Reason, outputs::ModelPart, policy::Label};

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let verdict = VerdictPart {
            score: 0.987_654,
            threshold: 0.9,
            label: Label::Malicious,
            action: Action::Flag,
            spared: None,
            kill_error: None,
            moment: "exec",
            model: ModelPart {
                name: String::from("m"),
                version: String::from("1"),
                sha256: String::new(),
            },
            latency_us: 1.0,
            kill_latency_us: None,
            reasons: vec![Reason {
                feature: "exe.memfd",
                meaning: "runs from memory, without a file",
                value: 1.0,
                usual: 0.0,
                contribution: 0.4,
            }],
        };
        let process = ProcessPart {
            pid: 7,
            exe: Some(String::from("/tmp/a\x1b[2J")),
            args: Some(vec![String::from("a"), "b".repeat(200)]),
            ..ProcessPart::default()
        };
        let line = render("T", &verdict, &process);
        assert!(
            line.starts_with("T malicious 0.988 flagged pid 7 /tmp/a\u{fffd}[2J"),
            "{line}"
        );
        assert!(
            line.contains("runs from memory") && line.contains('…'),
            "{line}"
        );
        assert!(!line.contains('\x1b'));
    }
}
