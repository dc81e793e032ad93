use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{toolchain::Search, workspace::shown};

/// The path of a program; an error that says which package of Debian has it.
pub(super) fn find(search: &Search, program: &str, package: &str) -> Result<PathBuf> {
    search
        .program(program)
        .with_context(|| missing(program, package))
}

/// Why a program cannot be used, and how it can be had.
pub(super) fn missing(program: &str, package: &str) -> String {
    format!("there is no program `{program}` here: on Debian `apt-get install {package}` brings it")
}

/// Runs a command that must succeed; what it says is only heard if it does not.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let output = command
        .stdout(Stdio::null())
        .output()
        .with_context(|| format!("start {}", shown(command)))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        // The last lines say what went wrong, whatever a tool told before.
        let from = words
            .char_indices()
            .rev()
            .nth(1_000)
            .map_or(0, |(at, _)| at);
        bail!(
            "{}: {}: {}",
            shown(command),
            output.status,
            words[from..].trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::run;

    #[test]
    fn a_failure_has_the_last_words() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "printf 'ä%.0s' $(seq 2000) >&2; echo end >&2; exit 2"]);
        let error = run(&mut command).expect_err("failed").to_string();
        assert!(
            error.contains("exit status: 2: ä") && error.ends_with("äend"),
            "{error}"
        );
        assert!(error.chars().count() < 1_200, "{error}");
    }
}
