use std::{fmt::Write as _, io::Write as _, path::PathBuf};

use serde::Serialize;

use super::{Failure, require_root};
use crate::{
    capture::{
        HookReport, HookStatus, Kernel, KernelOptions, Tier, TierRefusal, VerifierCost, Watches,
    },
    policy::Config,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// How to see acts; by default the best that the kernel allows
    #[arg(long, default_value = "auto")]
    tier: TierChoice,
    /// Also say what the verifier needed for each program
    #[arg(long)]
    verifier: bool,
    /// Type information of the running kernel
    #[arg(long, value_name = "FILE", default_value = "/sys/kernel/btf/vmlinux")]
    btf: PathBuf,
}

/// A tier by name, or the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum TierChoice {
    /// The best that the kernel allows
    Auto,
    /// Programs of the BPF LSM
    Lsm,
    /// The same on the entry of the security functions
    Fentry,
    /// System call exits and other tracepoints
    Tracepoint,
    /// Nothing on system calls: sees least, and costs other calls nothing
    Light,
}

impl TierChoice {
    /// The tier; `None` for the best.
    pub(super) const fn tier(self) -> Option<Tier> {
        match self {
            Self::Auto => None,
            Self::Lsm => Some(Tier::Lsm),
            Self::Fentry => Some(Tier::Fentry),
            Self::Tracepoint => Some(Tier::Tracepoint),
            Self::Light => Some(Tier::Light),
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    kernel: String,
    tier: Tier,
    refused_tiers: &'a [TierRefusal],
    can_run: bool,
    hooks: &'a [HookReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    verifier: Option<Vec<VerifierCost>>,
}

/// Loads and attaches everything, reports, and detaches again.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    require_root()?;
    let runtime = super::run::runtime()?;
    let _context = runtime.enter();
    let options = KernelOptions {
        btf: arguments.btf.clone(),
        tier: arguments.tier.tier(),
        // Every hook is tried, as a whole: the one on writes is attached where there
        // is something to watch, and the one on opens looks for names where there are.
        watches: Watches {
            read: Vec::new(),
            write: vec![PathBuf::from("/nonexistent")],
            names: Config::default().watch_names,
        },
        ..KernelOptions::default()
    };
    let (kernel, _channels) = Kernel::load(&options).map_err(Failure::failed)?;
    let verifier = arguments
        .verifier
        .then(|| kernel.verifier_costs(&options).map_err(Failure::failed))
        .transpose()?;
    if arguments.json {
        let report = Report {
            kernel: kernel_release(),
            tier: kernel.tier(),
            refused_tiers: kernel.refusals(),
            can_run: kernel.missing() == 0,
            hooks: kernel.reports(),
            verifier,
        };
        let text = serde_json::to_string_pretty(&report).map_err(Failure::failed)?;
        print(&format!("{text}\n"))?;
    } else {
        print(&render(&kernel))?;
        if let Some(costs) = verifier {
            print(&render_costs(&costs))?;
        }
    }
    require_hooks(&kernel)
}

/// Writes to standard output; a reader that has gone is no error.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::failed),
    }
}

/// An error when a hook is missing: the sensor must not pretend.
pub(super) fn require_hooks(kernel: &Kernel) -> Result<(), Failure> {
    match kernel.missing() {
        0 => Ok(()),
        missing => Err(Failure::failed(anyhow::anyhow!(
            "{missing} of {} hooks could not be attached; see the report above",
            kernel.reports().len()
        ))),
    }
}

fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// The report for people.
pub(super) fn render(kernel: &Kernel) -> String {
    let mut text = format!("kernel {}, {} tier\n", kernel_release(), kernel.tier());
    for refusal in kernel.refusals() {
        let TierRefusal { tier, reason } = refusal;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  the {tier} tier is not to be had: {reason}");
    }
    for report in kernel.reports() {
        render_hook(&mut text, report, kernel.tier());
    }
    text
}

fn render_hook(text: &mut String, report: &HookReport, tier: Tier) {
    let kinds = match report.kinds.as_slice() {
        [] => String::from("(calls other hooks)"),
        kinds => kinds.join(", "),
    };
    let reason = report.reason.as_deref().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = match report.status {
        HookStatus::Attached => {
            let places = report.attached_to.join(", ");
            writeln!(text, "  ok      {kinds}: {places}")
        }
        HookStatus::Failed => writeln!(text, "  FAILED  {kinds}: {reason}"),
        HookStatus::Absent => writeln!(text, "  absent  {kinds}: {reason}"),
    };
    if report.tier != tier {
        let _ = writeln!(text, "          in the {} tier: {reason}", report.tier);
    }
    if let Some(unseen) = report.unseen {
        let _ = writeln!(text, "          unseen: {unseen}");
    }
    if let Some(limits) = report.limits {
        let _ = writeln!(text, "          limits: {limits}");
    }
}

fn render_costs(costs: &[VerifierCost]) -> String {
    let mut text = String::from("  verified instructions, bytes of stack, program\n");
    for cost in costs {
        let stack: Vec<String> = cost.stack_bytes.iter().map(u64::to_string).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:>9}  {:<12}  {}",
            cost.instructions,
            stack.join("+"),
            cost.program
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{HOOKS, Outcome};

    #[test]
    fn a_failed_hook_says_why_and_what_goes_unseen() {
        let failed = Outcome::Failed {
            reason: String::from("EPERM"),
        };
        let attached = Outcome::Attached {
            to: vec![String::from("lsm/path_unlink")],
            refused: None,
        };
        let mut text = String::new();
        render_hook(
            &mut text,
            &HookReport::new(&HOOKS[0], Tier::Lsm, failed),
            Tier::Lsm,
        );
        assert!(text.contains("FAILED  process.fork: EPERM"), "{text}");
        assert!(text.contains("unseen: new processes"), "{text}");
        let mut text = String::new();
        let report = HookReport::new(&HOOKS[0], Tier::Tracepoint, attached);
        render_hook(&mut text, &report, Tier::Lsm);
        assert!(
            text.contains("ok      process.fork: lsm/path_unlink"),
            "{text}"
        );
        assert!(text.contains("in the tracepoint tier:"), "{text}");
    }
}
