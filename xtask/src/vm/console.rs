//! Reads the console of a guest: what `init.sh` reports, and signs of trouble.

use super::{
    alarm,
    machine::{Boot, Tier},
    matrix::Observation,
};
use crate::steps::Totals;

/// Before each line of `init.sh`.
const MARK: &str = "##vm ";

/// What has been read so far.
#[derive(Default)]
pub(super) struct Console {
    release: Option<String>,
    modules: String,
    running: Option<String>,
    giving: Option<Data>,
    done: bool,
    /// Seconds from the start of the kernel to the first command, and to the end.
    times: (Option<f64>, Option<f64>),
    totals: Totals,
    observations: Vec<Observation>,
    verifier: Vec<(Tier, String)>,
    bench: Vec<(Tier, String)>,
    problems: Vec<String>,
}

/// A file of the guest that is being printed.
struct Data {
    kind: Kind,
    text: String,
}

enum Kind {
    Matrix,
    Verifier(Tier),
    Bench(Tier),
    /// Warnings of the kernel, once more: only signs of trouble are looked for.
    Kernel,
    Unknown,
}

/// Why there is no more to read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    /// The machine switched itself off.
    Off,
    /// It was switched off as it said nothing for so many seconds.
    Silent(u64),
    /// It was switched off as it took longer than so many seconds.
    TooLong(u64),
}

/// What a machine has shown.
#[derive(Debug)]
pub(super) struct Findings {
    /// As `uname -r` says; empty if it did not get that far.
    pub(super) release: String,
    pub(super) totals: Totals,
    pub(super) observations: Vec<Observation>,
    /// What the sensor says of the verifier, by tier.
    pub(super) verifier: Vec<(Tier, String)>,
    /// What the bench's command wrote, by tier.
    pub(super) bench: Vec<(Tier, String)>,
    pub(super) boot_seconds: Option<f64>,
    /// Why the run is no good; empty if it is.
    pub(super) problems: Vec<String>,
}

impl Console {
    /// Takes a line. Whether it is for people too, and not only for this program.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let alarmed = alarm::raised_by(line);
        if let Some(meaning) = alarmed {
            self.problem(&format!("{meaning}: {}", line.trim()), meaning);
        }
        if let Some((_, report)) = line.split_once(MARK) {
            self.report(report.trim_end());
            return self.giving.is_none() && !report.starts_with("data-end");
        }
        if let Some(data) = &mut self.giving {
            data.text.push_str(line);
            data.text.push('\n');
            return false;
        }
        self.totals.add_line(line);
        // What kernels find to say of an emulated machine while they start is in the log.
        alarmed.is_some() || self.release.is_some() || alarm::kernel_message(line).is_none()
    }

    /// The same trouble is mostly told in several lines.
    fn problem(&mut self, text: &str, kind: &str) {
        if !self.problems.iter().any(|known| known.starts_with(kind)) {
            self.problems.push(text.to_owned());
        }
    }

    fn report(&mut self, report: &str) {
        let words: Vec<_> = report.split(' ').collect();
        match words[..] {
            ["up", seconds, release, modules] => {
                self.times.0 = seconds.parse().ok();
                self.release = Some(release.to_owned());
                modules.clone_into(&mut self.modules);
            }
            ["begin", name, _] => self.running = Some(name.to_owned()),
            ["end", name, status, _] => {
                self.running = None;
                if status != "0" {
                    self.problems
                        .push(format!("{name}: {}", meaning_of_status(status)));
                }
            }
            ["data", kind, tier] => {
                let kind = match (kind, Tier::named(tier)) {
                    ("matrix", _) => Kind::Matrix,
                    ("verifier", Some(tier)) => Kind::Verifier(tier),
                    ("bench", Some(tier)) => Kind::Bench(tier),
                    ("kernel", _) => Kind::Kernel,
                    _ => Kind::Unknown,
                };
                let text = String::new();
                self.giving = Some(Data { kind, text });
            }
            ["data-end"] => {
                if let Some(data) = self.giving.take() {
                    self.take(data);
                }
            }
            ["done", seconds] => {
                self.times.1 = seconds.parse().ok();
                self.done = true;
            }
            _ => self
                .problems
                .push(format!("a report that makes no sense: {report:?}")),
        }
    }

    fn take(&mut self, data: Data) {
        match data.kind {
            Kind::Matrix => {
                for line in data.text.lines().filter(|line| !line.trim().is_empty()) {
                    match serde_json::from_str(line) {
                        Ok(observation) => self.observations.push(observation),
                        Err(error) => self
                            .problems
                            .push(format!("a line of the matrix: {error} in {line:?}")),
                    }
                }
            }
            Kind::Verifier(tier) => self.verifier.push((tier, data.text)),
            Kind::Bench(tier) => self.bench.push((tier, data.text)),
            Kind::Kernel => {}
            Kind::Unknown => self
                .problems
                .push("data of a kind that is not known".to_owned()),
        }
    }

    /// What it all comes to.
    pub(super) fn finish(mut self, end: End, boot: &Boot) -> Findings {
        match end {
            End::Off => {}
            End::Silent(seconds) => self
                .problems
                .push(format!("it said nothing for {seconds} s")),
            End::TooLong(seconds) => self.problems.push(format!("it took more than {seconds} s")),
        }
        if let Some(name) = &self.running {
            self.problems.push(format!("{name} did not end"));
        } else if self.release.is_none() {
            self.problems
                .push("it did not get as far as running anything".to_owned());
        } else if !self.done {
            self.problems.push("it did not come to its end".to_owned());
        }
        let has_bpf = self.modules.split(',').any(|module| module == "bpf");
        if self.release.is_some() && has_bpf != boot.machine.has_bpf_lsm() {
            self.problems.push(format!(
                "its security modules are {}, asked for were {}",
                self.modules, boot.machine.modules
            ));
        }
        Findings {
            release: self.release.unwrap_or_default(),
            totals: self.totals,
            observations: self.observations,
            verifier: self.verifier,
            bench: self.bench,
            boot_seconds: self.times.0,
            problems: self.problems,
        }
    }
}

/// A shell's number for how a program ended.
fn meaning_of_status(status: &str) -> String {
    match status.parse::<u32>() {
        Ok(number) if number > 128 => format!("ended by signal {}", number - 128),
        _ => format!("exit status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            machine::{Boot, Series, Tier, chosen},
            matrix::Outcome,
        },
        Console, End, Findings,
    };

    fn boot() -> Boot {
        chosen(&[Series::V6_1], &[]).remove(0)
    }

    fn read(lines: &str, end: End) -> Findings {
        let mut console = Console::default();
        for line in lines.lines() {
            console.line(line);
        }
        console.finish(end, &boot())
    }

    const GOOD: &str = "\
##vm up 4.20 6.1.0-56-cloud-amd64 lockdown,capability,yama,bpf
##vm begin acts/lsm 4.30
running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.0s
##vm end acts/lsm 0 9.99
##vm data matrix lsm
{\"act\":\"file.open\",\"tier\":\"lsm\",\"outcome\":\"seen\"}

##vm data-end
##vm data verifier lsm
{
}
##vm data-end
##vm data bench lsm
{\"acts\":[]}
##vm data-end
##vm done 10.20
";

    #[test]
    fn a_good_run_has_no_problems() {
        let findings = read(GOOD, End::Off);
        assert_eq!(findings.problems, [""; 0]);
        assert_eq!(findings.release, "6.1.0-56-cloud-amd64");
        assert_eq!(findings.boot_seconds, Some(4.2));
        assert_eq!(findings.totals.to_string(), "2 passed, 0 failed, 0 ignored");
        assert_eq!(findings.observations.len(), 1);
        assert_eq!(findings.observations[0].outcome, Outcome::Seen);
        assert_eq!(findings.verifier, [(Tier::Lsm, "{\n}\n".to_owned())]);
        let bench = "{\"acts\":[]}\n".to_owned();
        assert_eq!(findings.bench, [(Tier::Lsm, bench)]);
    }

    #[test]
    fn data_is_not_shown() {
        let mut console = Console::default();
        let shown: Vec<_> = GOOD.lines().filter(|line| console.line(line)).collect();
        assert_eq!(shown.len(), 6, "{shown:?}");
        assert!(shown.iter().all(|line| !line.contains('{')), "{shown:?}");
    }

    #[test]
    fn of_the_boot_only_trouble_is_shown() {
        let mut console = Console::default();
        assert!(!console.line("[    0.751163] mtrr: your CPUs had inconsistent settings"));
        assert!(console.line("[    0.800000] Kernel panic - not syncing: no init"));
        assert!(console.line("sh: mount: not found"));
        console.line("##vm up 4.20 6.1.0-56-cloud-amd64 lockdown,capability,yama,bpf");
        assert!(console.line("[    5.000000] traps: a program did something odd"));
    }

    #[test]
    fn a_run_that_stops_early_is_no_success() {
        let until = |end: &str| {
            let length = GOOD.find(end).expect("a line of it");
            read(&GOOD[..length], End::Off).problems
        };
        assert_eq!(
            until("##vm up"),
            ["it did not get as far as running anything"]
        );
        assert_eq!(until("##vm end"), ["acts/lsm did not end"]);
        assert_eq!(until("##vm done"), ["it did not come to its end"]);
        assert_eq!(
            read(GOOD, End::Silent(180)).problems,
            ["it said nothing for 180 s"]
        );
        assert_eq!(
            read(GOOD, End::TooLong(900)).problems,
            ["it took more than 900 s"]
        );
    }

    #[test]
    fn commands_that_fail_are_named() {
        let findings = |status: &str| {
            let lines = GOOD.replace("acts/lsm 0", &format!("acts/lsm {status}"));
            read(&lines, End::Off).problems
        };
        assert_eq!(findings("101"), ["acts/lsm: exit status 101"]);
        assert_eq!(findings("139"), ["acts/lsm: ended by signal 11"]);
    }

    #[test]
    fn a_report_counts_wherever_a_program_left_the_line() {
        let lines = GOOD.replace("##vm end acts/lsm 0", "test it ... ##vm end acts/lsm 134");
        assert_eq!(
            read(&lines, End::Off).problems,
            ["acts/lsm: ended by signal 6"]
        );
    }

    #[test]
    fn trouble_of_the_kernel_is_told_once() {
        let lines = format!(
            "[    9.000000] WARNING: CPU: 0 PID: 9 at a.c:1 f+0x1\n\
             [    9.100000] WARNING: CPU: 0 PID: 9 at b.c:1 f+0x1\n{GOOD}"
        );
        assert_eq!(
            read(&lines, End::Off).problems,
            [
                "the kernel found what should not be: [    9.000000] WARNING: CPU: 0 PID: 9 at \
                 a.c:1 f+0x1"
            ]
        );
    }

    #[test]
    fn trouble_that_was_not_printed_when_it_happened_counts_too() {
        let lines = GOOD.replace(
            "##vm done",
            "##vm data kernel all\n<4>[    9.000000] WARNING: CPU: 0 PID: 9 at a.c:1 f+0x1\n\
             ##vm data-end\n##vm done",
        );
        let problems = read(&lines, End::Off).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn security_modules_that_were_not_asked_for_are_noticed() {
        let lines = GOOD.replace(",bpf", "");
        assert_eq!(
            read(&lines, End::Off).problems,
            [
                "its security modules are lockdown,capability,yama, asked for were \
                 lockdown,yama,bpf"
            ]
        );
    }

    #[test]
    fn a_torn_line_of_the_matrix_is_a_problem() {
        let lines = GOOD.replace("\"outcome\":\"seen\"}", "\"outc");
        let problems = read(&lines, End::Off).problems;
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("a line of the matrix: "),
            "{problems:?}"
        );
    }
}
