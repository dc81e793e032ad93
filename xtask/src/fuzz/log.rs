//! What libFuzzer prints.

use std::fmt::{self, Write as _};

/// How a run went that found nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Totals {
    pub(super) runs: u64,
    runs_per_second: u64,
    /// Places in the code that were come by.
    pub(super) edges: u64,
    /// Inputs worth keeping.
    inputs: u64,
}

impl Totals {
    pub(super) fn found_in(log: &str) -> Option<Self> {
        // `#240592 DONE   cov: 4052 ft: 5580 corp: 305/43Kb lim: 303 exec/s: 11456 rss: 36Mb`
        let line = log
            .lines()
            .rfind(|line| line.split_whitespace().nth(1) == Some("DONE"))?;
        let number = |text: &str| -> Option<u64> {
            let end = text.find(|letter: char| !letter.is_ascii_digit());
            text[..end.unwrap_or(text.len())].parse().ok()
        };
        let field = |name: &str| {
            line.split_whitespace()
                .skip_while(|word| *word != name)
                .nth(1)
                .and_then(number)
        };
        Some(Self {
            runs: number(line.strip_prefix('#')?)?,
            runs_per_second: field("exec/s:")?,
            // Not there when nothing is counted.
            edges: field("cov:").unwrap_or(0),
            inputs: field("corp:").unwrap_or(0),
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            runs_per_second,
            edges,
            inputs,
        } = self;
        write!(
            formatter,
            "{runs} runs, {runs_per_second} a second; {edges} edges seen, {inputs} inputs kept"
        )
    }
}

/// Where the input is that the run ended with.
pub(super) fn input(log: &str) -> Option<&str> {
    log.lines()
        .find_map(|line| line.split_once("Test unit written to ")?.1.into())
}

/// The panic's message, or libFuzzer's words for what else was wrong.
pub(super) fn failure(log: &str) -> String {
    const LINES: usize = 8;
    let lines: Vec<_> = log
        .lines()
        .skip_while(|line| !line.contains("panicked at "))
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("stack backtrace:"))
        .take_while(|line| !line.starts_with("=="))
        .take(LINES)
        .collect();
    let lines = if lines.is_empty() {
        let own = |line: &&str| line.contains("ERROR: libFuzzer:");
        log.lines().filter(own).take(1).collect()
    } else {
        lines
    };
    lines.into_iter().fold(String::new(), |mut text, line| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {line}");
        text
    })
}

/// Two digits a byte, in lines of 40 bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let lines = bytes.chunks(40).map(|line| {
        line.iter().fold(String::from("    "), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Totals, failure, hexadecimal, input};

    const DONE: &str = "INFO: seed corpus: files: 47\n\
        #48\tINITED cov: 3000 ft: 4000 corp: 40/6Kb exec/s: 0 rss: 33Mb\n\
        #240592\tDONE   cov: 4052 ft: 5580 corp: 305/43Kb lim: 303 exec/s: 11456 rss: 36Mb\n\
        Done 240592 runs in 21 second(s)\n";
    const CRASH: &str = "#100\tNEW    cov: 12\n\
        \n\
        thread '<unnamed>' (17209) panicked at src/state/table.rs:82:9:\n\
        attempt to subtract with overflow\n\
        stack backtrace:\n   0: rust_begin_unwind\n\
        ==17209== ERROR: libFuzzer: deadly signal\n\
        artifact_prefix='/a/'; Test unit written to /a/crash-0123\n";

    #[test]
    fn totals_are_those_of_the_last_line() {
        let totals = Totals::found_in(DONE).expect("totals");
        let expected = Totals {
            runs: 240_592,
            runs_per_second: 11_456,
            edges: 4_052,
            inputs: 305,
        };
        assert_eq!(totals, expected);
        assert_eq!(Totals::found_in(CRASH), None);
    }

    #[test]
    fn what_was_built_without_instruments_has_no_edges() {
        let totals = Totals::found_in("#9\tDONE   exec/s: 4 rss: 3Mb\n").expect("totals");
        assert_eq!((totals.runs, totals.edges), (9, 0));
    }

    #[test]
    fn a_crash_tells_its_input_and_the_panic() {
        assert_eq!(input(CRASH), Some("/a/crash-0123"));
        assert_eq!(
            failure(CRASH),
            "  thread '<unnamed>' (17209) panicked at src/state/table.rs:82:9:\n  \
             attempt to subtract with overflow\n"
        );
        assert_eq!(input(DONE), None);
    }

    #[test]
    fn without_a_panic_it_is_libfuzzers_own_words() {
        let log = "#3\tpulse\n==7== ERROR: libFuzzer: timeout after 5 seconds\nSUMMARY\n";
        assert_eq!(
            failure(log),
            "  ==7== ERROR: libFuzzer: timeout after 5 seconds\n"
        );
    }

    #[test]
    fn bytes_are_shown_in_lines() {
        assert_eq!(hexadecimal(&[0, 10, 255]), "    000aff");
        assert_eq!(hexadecimal(&[1; 41]).lines().count(), 2);
    }
}
