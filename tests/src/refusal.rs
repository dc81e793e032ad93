//! A sensor that must refuse to run, and the words it does so with.

use std::process::{Command, Output};

use crate::sensor_command;

/// A sensor that would run for a second.
#[must_use]
pub fn run(options: &[&str]) -> Command {
    let mut command = sensor_command();
    command.args(["run", "--duration", "1s"]).args(options);
    command
}

/// Runs to the end, which must be an error with this code.
pub fn fails(command: &mut Command, code: i32) -> String {
    refused(command.output().unwrap(), code)
}

/// What a sensor said that ended, which must be an error with this code.
#[must_use]
pub fn refused(output: Output, code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{status}: {stderr}");
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// A text that has all these parts.
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}
