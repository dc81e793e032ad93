//! Lines of the console after which a run is no good, whatever else it says.

/// Who wrote the line.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    /// The kernel: the text follows its clock.
    Kernel,
    /// The sensor, a test, or the script that runs them.
    Program,
}

/// Where in the text the pattern stands.
#[derive(Clone, Copy)]
enum Place {
    Start,
    Anywhere,
}

struct Alarm {
    source: Source,
    place: Place,
    pattern: &'static str,
    meaning: &'static str,
}

/// The first that fits is the one that is reported.
const ALARMS: [Alarm; 15] = [
    kernel("Kernel panic", "the kernel gave up"),
    kernel(
        "soft lockup",
        "a processor did nothing but the kernel's work for long",
    ),
    kernel("hard LOCKUP", "a processor took no interrupts for long"),
    kernel(
        "detected stall",
        "RCU: a processor or a task held others up",
    ),
    kernel("kthread starved", "RCU: its own thread did not get to run"),
    kernel("blocked for more than", "a task hangs"),
    kernel(
        "general protection fault",
        "the kernel touched what is not its own",
    ),
    kernel("Unable to handle", "the kernel touched what is not there"),
    kernel("Oops", "the kernel stumbled"),
    kernel("BUG:", "the kernel found an error of its own"),
    kernel("UBSAN:", "the kernel computed what has no defined result"),
    // Anywhere else it is the title of some advice about the processor.
    Alarm {
        source: Source::Kernel,
        place: Place::Start,
        pattern: "WARNING:",
        meaning: "the kernel found what should not be",
    },
    kernel("Call Trace:", "the kernel printed how it got somewhere bad"),
    // Tests that lost a process to it fail for no reason that they know of.
    kernel(
        "Out of memory:",
        "the guest is too small for what runs in it",
    ),
    Alarm {
        source: Source::Program,
        place: Place::Anywhere,
        pattern: "; verifier: ",
        meaning: "the verifier refused a program of the sensor",
    },
];

const fn kernel(pattern: &'static str, meaning: &'static str) -> Alarm {
    Alarm {
        source: Source::Kernel,
        place: Place::Anywhere,
        pattern,
        meaning,
    }
}

/// What the line means, if it means that the run is no good.
pub(super) fn raised_by(line: &str) -> Option<&'static str> {
    let (source, text) = match kernel_message(line) {
        Some(message) => (Source::Kernel, message),
        None => (Source::Program, line),
    };
    ALARMS
        .iter()
        .filter(|alarm| alarm.source == source)
        .find(|alarm| match alarm.place {
            Place::Start => text.starts_with(alarm.pattern),
            Place::Anywhere => text.contains(alarm.pattern),
        })
        .map(|alarm| alarm.meaning)
}

/// The text after the kernel's clock: `[   12.345678] text`. It may stand within a line, where the
/// kernel has cut into what a program wrote.
pub(super) fn kernel_message(line: &str) -> Option<&str> {
    line.match_indices('[').find_map(|(start, bracket)| {
        let (clock, message) = line[start + bracket.len()..].split_once(']')?;
        let (seconds, fraction) = clock.trim_start().split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (digits(seconds) && digits(fraction) && fraction.len() == 6)
            .then(|| message.strip_prefix(' ').unwrap_or(message))
    })
}

#[cfg(test)]
mod tests {
    use super::{kernel_message, raised_by};

    #[test]
    fn what_kernels_say_in_distress_raises_an_alarm() {
        for (line, meaning) in [
            (
                "[    4.667951] Kernel panic - not syncing: Attempted to kill init!",
                "the kernel gave up",
            ),
            (
                "[   30.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [acts:99]",
                "a processor did nothing but the kernel's work for long",
            ),
            (
                "[   30.000000] rcu: INFO: rcu_sched self-detected stall on CPU",
                "RCU: a processor or a task held others up",
            ),
            (
                "[   30.000000] rcu: rcu_sched kthread starved for 15000 jiffies! g123",
                "RCU: its own thread did not get to run",
            ),
            (
                "[  242.123456] INFO: task acts:99 blocked for more than 120 seconds.",
                "a task hangs",
            ),
            (
                "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008",
                "the kernel found an error of its own",
            ),
            (
                "[    1.000000] Oops: 0000 [#1] PREEMPT SMP NOPTI",
                "the kernel stumbled",
            ),
            (
                "[    1.000000] general protection fault, probably for non-canonical address",
                "the kernel touched what is not its own",
            ),
            (
                "[    1.000000] WARNING: CPU: 0 PID: 1 at kernel/bpf/verifier.c:1 f+0x1/0x2",
                "the kernel found what should not be",
            ),
            (
                "[    1.000000] Out of memory: Killed process 99 (acts)",
                "the guest is too small for what runs in it",
            ),
            (
                "test it ... [    1.000000] Call Trace:",
                "the kernel printed how it got somewhere bad",
            ),
            (
                "  FAILED  exit_rename  Argument list too long (os error 7); verifier: 1166: r3",
                "the verifier refused a program of the sensor",
            ),
        ] {
            assert_eq!(raised_by(line), Some(meaning), "{line}");
        }
    }

    #[test]
    fn what_is_said_in_passing_raises_none() {
        for line in [
            "[    0.100000] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
            "[    0.200000] random: crng init done",
            "test a_kernel_BUG:_is_not_this ... ok",
            "a test that prints WARNING: something",
            "verifier: 12 programs were accepted",
        ] {
            assert_eq!(raised_by(line), None, "{line}");
        }
    }

    #[test]
    fn the_kernels_clock_tells_its_lines() {
        assert_eq!(kernel_message("[    4.667951] text"), Some("text"));
        assert_eq!(kernel_message("ab[12345.000001]  text"), Some(" text"));
        assert_eq!(kernel_message("[4.66] text"), None);
        assert_eq!(kernel_message("[1, 2] [a.b]"), None);
    }
}
