use std::{fmt::Write as _, path::PathBuf};

use serde::Serialize;

use super::{Failure, require_root};
use crate::capture::{HookReport, HookStatus, Kernel, KernelOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Type information of the running kernel
    #[arg(long, value_name = "FILE", default_value = "/sys/kernel/btf/vmlinux")]
    btf: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    kernel: String,
    tier: &'static str,
    can_run: bool,
    hooks: &'a [HookReport],
}

/// Loads and attaches everything, reports, and detaches again.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    require_root()?;
    let runtime = super::run::runtime()?;
    let _context = runtime.enter();
    let options = KernelOptions {
        btf: arguments.btf.clone(),
        ..KernelOptions::default()
    };
    let (kernel, _rings, _losses) = Kernel::load(&options).map_err(Failure::failed)?;
    if arguments.json {
        let report = Report {
            kernel: kernel_release(),
            tier: TIER,
            can_run: missing(kernel.reports()) == 0,
            hooks: kernel.reports(),
        };
        let text = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        println!("{text}");
    } else {
        print!("{}", render(kernel.reports()));
    }
    require_hooks(kernel.reports())
}

const TIER: &str = "tracepoint";

/// An error when a hook is missing: the sensor must not pretend.
pub(super) fn require_hooks(reports: &[HookReport]) -> Result<(), Failure> {
    match missing(reports) {
        0 => Ok(()),
        missing => Err(Failure::failed(anyhow::anyhow!(
            "{missing} of {} hooks could not be attached; see the report above",
            reports.len()
        ))),
    }
}

fn missing(reports: &[HookReport]) -> usize {
    reports
        .iter()
        .filter(|report| report.status != HookStatus::Attached)
        .count()
}

fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// The report for people.
pub(super) fn render(reports: &[HookReport]) -> String {
    let mut text = format!("kernel {}, {TIER} tier\n", kernel_release());
    for report in reports {
        // Writing to a string cannot fail.
        let _ = match &report.status {
            HookStatus::Attached => {
                let kinds = match report.kinds.as_slice() {
                    [] => String::from("hands system calls to the hooks above"),
                    kinds => kinds.join(", "),
                };
                writeln!(
                    text,
                    "  ok      {:20} {:32} {kinds}",
                    report.hook, report.attached_to
                )
            }
            HookStatus::Failed { reason } => writeln!(
                text,
                "  FAILED  {:20} {:32} {reason}\n          unseen: {}",
                report.hook,
                report.attached_to,
                report.unseen.unwrap_or_default()
            ),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::HOOKS;

    #[test]
    fn a_failed_hook_says_why_and_what_goes_unseen() {
        let failed = HookStatus::Failed {
            reason: String::from("EPERM"),
        };
        let reports = [
            HookReport::new(&HOOKS[0], failed),
            HookReport::new(&HOOKS[1], HookStatus::Attached),
        ];
        let text = render(&reports);
        assert!(
            text.contains("FAILED  exit_open") && text.contains("EPERM"),
            "{text}"
        );
        assert!(text.contains("unseen: files opened for writing"), "{text}");
        assert!(text.contains("ok      exit_unlink"), "{text}");
        assert_eq!(missing(&reports), 1);
        assert!(require_hooks(&reports).is_err());
    }
}
