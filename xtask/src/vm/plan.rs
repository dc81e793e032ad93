//! What the guest is told to run.

use std::fmt::Write as _;

/// The same for every machine; the tiers, which are not, are on the kernel's command line.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Test targets of the package `sensor-tests`.
    pub(super) targets: Vec<String>,
    /// Only tests that have this in their names.
    pub(super) filter: Option<String>,
    /// Whether the sensor reports what the verifier did.
    pub(super) verifier: bool,
    /// The command that measures, if anything is measured; the script adds tier and output.
    pub(super) bench: Option<String>,
}

impl Plan {
    /// Read by `init.sh`.
    pub(super) fn text(&self) -> String {
        let mut text = format!("targets={}\n", quoted(&self.targets.join(" ")));
        if self.verifier {
            text.push_str("verifier=yes\n");
        }
        if let Some(arguments) = &self.bench {
            let _ = writeln!(text, "bench={}", quoted(arguments));
        }
        text.push_str("set --");
        if let Some(filter) = &self.filter {
            let _ = write!(text, " {}", quoted(filter));
        }
        text.push('\n');
        text
    }
}

/// The text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::Plan;

    #[test]
    fn a_shell_reads_back_what_was_planned() {
        let plan = Plan {
            targets: vec!["acts".to_owned(), "file".to_owned()],
            filter: Some("it's a $(name)".to_owned()),
            verifier: true,
            bench: Some("in guest".to_owned()),
        };
        let script = format!(
            "{}\nprintf '%s\\n' \"$targets\" \"$verifier\" \"$bench\" \"$#\" \"$1\"",
            plan.text()
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("a shell");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "acts file\nyes\nin guest\n1\nit's a $(name)\n"
        );
    }

    #[test]
    fn no_filter_is_no_argument() {
        let plan = Plan {
            targets: vec!["acts".to_owned()],
            filter: None,
            verifier: false,
            bench: None,
        };
        assert_eq!(plan.text(), "targets=acts\nset --\n");
    }
}
