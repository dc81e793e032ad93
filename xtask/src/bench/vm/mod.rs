//! `cargo xtask bench --vm`: what ordinary acts cost on the kernels that the sensor supports, in
//! instructions: figures that do not move with what else the machine does.

mod exchange;
mod file;
pub(crate) mod inside;
mod table;

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use self::{exchange::Guest, file::Report};
use super::{Arguments, machine::Machine, report};
use crate::vm::{Series, Tier, measure};

/// What is measured in machines of its own.
#[derive(Args)]
pub(super) struct Options {
    /// Measure acts in emulated machines of one processor, and count instructions; needs no root
    #[arg(long, conflicts_with = "only")]
    pub(super) vm: bool,
    /// With --vm: boot this kernel, 6.1 if none is given; may be given several times
    #[arg(long = "kernel", value_name = "KERNEL", value_enum, requires = "vm")]
    kernels: Vec<Series>,
    /// Measure this tier, the sensor's own choice if none is given; with --vm, lsm if none is
    /// given, and there may be several
    #[arg(long = "tier", value_name = "TIER", value_enum)]
    tiers: Vec<Tier>,
}

impl Options {
    fn kernels(&self) -> &[Series] {
        if self.kernels.is_empty() {
            &[Series::V6_1]
        } else {
            &self.kernels
        }
    }

    /// The one tier to be measured on this machine, if one is asked for.
    pub(super) fn tier(&self) -> Result<Option<Tier>> {
        match self.tiers[..] {
            [] => Ok(None),
            [tier] => Ok(Some(tier)),
            _ => bail!("several tiers can be measured with --vm only"),
        }
    }

    fn tiers(&self) -> &[Tier] {
        if self.tiers.is_empty() {
            &[Tier::Lsm]
        } else {
            &self.tiers
        }
    }
}

/// Boots the machines, and shows what each found out.
pub(super) fn main(arguments: &Arguments) -> Result<()> {
    if let Some(path) = &arguments.json {
        // A mistyped path should not cost the minutes before it.
        fs::File::create(path).with_context(|| format!("create {}", path.display()))?;
    }
    let sensor = arguments.sensor.program()?;
    let mut command = String::from("bench-inside");
    if arguments.quick {
        command.push_str(" --quick");
    }
    let common = report::Report::new(Machine::here()?, &sensor, arguments.quick);
    let outcome = measure::run(&measure::Request {
        kernels: arguments.vm.kernels(),
        tiers: arguments.vm.tiers(),
        sensor,
        command,
        consent: arguments.sensor.consent,
    })?;

    let mut problems = outcome.problems;
    let mut report = Report::new(common);
    println!("\n{}", report.heading());
    for measured in outcome.measured {
        let guest = Guest::read(measured)?;
        print!("\n{}\n{}", table::acts(&guest), table::accounting(&guest));
        problems.extend(guest.losses());
        report.add(guest);
    }
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n  and: "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Options, Series, Tier};

    #[derive(Parser)]
    struct Command {
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
        let words = ["bench"].iter().chain(arguments);
        Command::try_parse_from(words).map(|command| {
            assert_eq!(command.only, None);
            command.options
        })
    }

    #[test]
    fn one_kernel_and_one_tier_are_measured_if_no_other_is_asked_for() {
        let usual = options(&["--vm"]).expect("right");
        assert_eq!(usual.kernels(), [Series::V6_1]);
        assert_eq!(usual.tiers(), [Tier::Lsm]);
        let words = [
            "--vm", "--kernel", "6.12", "--kernel", "7.2", "--tier", "fentry",
        ];
        let other = options(&words).expect("right");
        assert_eq!(other.kernels(), [Series::V6_12, Series::V7]);
        assert_eq!(other.tiers(), [Tier::Fentry]);
    }

    #[test]
    fn one_tier_can_be_measured_without_machines() {
        assert_eq!(options(&[]).expect("right").tier().expect("none"), None);
        let one = options(&["--tier", "light"]).expect("right");
        assert_eq!(one.tier().expect("one"), Some(Tier::Light));
        let two = ["--tier", "light", "--tier", "lsm"];
        assert!(options(&two).expect("right").tier().is_err());
    }

    #[test]
    fn what_is_for_machines_needs_them_and_other_groups_do_not_go_with_them() {
        assert!(options(&["--kernel", "6.1"]).is_err());
        assert!(options(&["--vm", "--only", "acts"]).is_err());
    }
}
