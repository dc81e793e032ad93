//! The machines that are booted, and the tiers that each can show.

use clap::ValueEnum;

/// A series of kernels, by the name that people choose it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Series {
    /// The oldest that is supported
    #[value(name = "5.10")]
    V5_10,
    #[value(name = "6.1")]
    V6_1,
    #[value(name = "6.12")]
    V6_12,
    /// The newest that Debian has: some 7.x, 7.2 when this was written
    #[value(name = "7.2")]
    V7,
}

impl Series {
    /// As it is asked for, and shown.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V7 => "7.2",
        }
    }
}

/// How the sensor attaches its hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Tier {
    /// Programs of the BPF LSM
    Lsm,
    /// Trampolines on functions of the kernel
    Fentry,
    /// Tracepoints alone, as on hardened hosts
    Tracepoint,
    /// Nothing on system calls
    Light,
}

impl Tier {
    /// As the guest's programs are told it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "lsm",
            Self::Fentry => "fentry",
            Self::Tracepoint => "tracepoint",
            Self::Light => "light",
        }
    }

    /// In the head of a narrow column.
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Lsm => 'L',
            Self::Fentry => 'F',
            Self::Tracepoint => 'T',
            Self::Light => 'l',
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::value_variants()
            .iter()
            .copied()
            .find(|tier| tier.name() == name)
    }
}

/// A kernel with a way to boot it.
#[derive(Debug)]
pub(super) struct Machine {
    /// The series, and whether BPF is among the modules.
    pub(super) name: &'static str,
    pub(super) series: Series,
    /// The security modules to switch on; `capability` is always on.
    pub(super) modules: &'static str,
    pub(super) tiers: &'static [Tier],
}

impl Machine {
    /// Whether programs can be attached to the hooks of the security modules.
    pub(super) fn has_bpf_lsm(&self) -> bool {
        self.modules.split(',').any(|module| module == "bpf")
    }

    /// Its name as a part of the name of a file.
    pub(super) fn file_name(&self) -> String {
        file_name(self.name)
    }
}

const EVERY_TIER: &[Tier] = &[Tier::Lsm, Tier::Fentry, Tier::Tracepoint];

/// The slowest come first, so that none of them is what is waited for at the end.
pub(super) static MACHINES: [Machine; 5] = [
    Machine {
        name: "5.10 bpf-lsm",
        series: Series::V5_10,
        modules: "lockdown,yama,bpf",
        tiers: EVERY_TIER,
    },
    // As Debian boots it: BPF is compiled in, but not among the active modules.
    Machine {
        name: "5.10 no-bpf-lsm",
        series: Series::V5_10,
        modules: "lockdown,yama",
        tiers: &[Tier::Fentry, Tier::Tracepoint],
    },
    Machine {
        name: "7.2 bpf-lsm",
        series: Series::V7,
        modules: "lockdown,yama,bpf",
        tiers: EVERY_TIER,
    },
    Machine {
        name: "6.12 bpf-lsm",
        series: Series::V6_12,
        modules: "lockdown,yama,bpf",
        tiers: EVERY_TIER,
    },
    Machine {
        name: "6.1 bpf-lsm",
        series: Series::V6_1,
        modules: "lockdown,yama,bpf",
        tiers: EVERY_TIER,
    },
];

/// A machine with the tiers that it is booted for.
#[derive(Debug)]
pub(super) struct Boot {
    pub(super) machine: &'static Machine,
    pub(super) tiers: Vec<Tier>,
    /// Stands before each line of its output: the machine's name, with more where a machine is
    /// booted more than once.
    pub(super) name: String,
}

impl Boot {
    /// One boot for each of its tiers.
    pub(super) fn each_tier(self) -> impl Iterator<Item = Self> {
        self.tiers.into_iter().map(move |tier| Self {
            machine: self.machine,
            tiers: vec![tier],
            name: format!("{} {}", self.name, tier.name()),
        })
    }

    /// Its name as a part of the name of a file.
    pub(super) fn file_name(&self) -> String {
        file_name(&self.name)
    }
}

fn file_name(name: &str) -> String {
    name.replace(' ', "-")
}

/// The machines of these kernels, each with those of these tiers that it has. None chosen means
/// every one.
pub(super) fn chosen(series: &[Series], tiers: &[Tier]) -> Vec<Boot> {
    MACHINES
        .iter()
        .filter(|machine| series.is_empty() || series.contains(&machine.series))
        .map(|machine| Boot {
            machine,
            name: machine.name.to_owned(),
            tiers: machine
                .tiers
                .iter()
                .copied()
                .filter(|tier| tiers.is_empty() || tiers.contains(tier))
                .collect(),
        })
        .filter(|boot| !boot.tiers.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Boot, MACHINES, Series, Tier, chosen};

    fn names(series: &[Series], tiers: &[Tier]) -> Vec<&'static str> {
        chosen(series, tiers)
            .iter()
            .map(|boot| boot.machine.name)
            .collect()
    }

    #[test]
    fn the_oldest_kernel_is_booted_both_ways() {
        assert_eq!(
            names(&[Series::V5_10], &[]),
            ["5.10 bpf-lsm", "5.10 no-bpf-lsm"]
        );
    }

    #[test]
    fn a_machine_that_lacks_the_tier_is_not_booted() {
        assert_eq!(names(&[Series::V5_10], &[Tier::Lsm]), ["5.10 bpf-lsm"]);
        assert_eq!(names(&[], &[]).len(), MACHINES.len());
        assert_eq!(names(&[], &[Tier::Tracepoint]).len(), MACHINES.len());
    }

    #[test]
    fn boots_of_one_machine_differ_in_their_names() {
        let boots = chosen(&[Series::V6_12], &[Tier::Lsm, Tier::Tracepoint]);
        let names: Vec<_> = boots
            .into_iter()
            .flat_map(Boot::each_tier)
            .map(|boot| (boot.file_name(), boot.tiers))
            .collect();
        assert_eq!(
            names,
            [
                ("6.12-bpf-lsm-lsm".to_owned(), vec![Tier::Lsm]),
                ("6.12-bpf-lsm-tracepoint".to_owned(), vec![Tier::Tracepoint]),
            ]
        );
    }

    #[test]
    fn the_lsm_tier_is_for_machines_that_have_it() {
        for machine in &MACHINES {
            assert_eq!(
                machine.has_bpf_lsm(),
                machine.tiers.contains(&Tier::Lsm),
                "{}",
                machine.name
            );
        }
    }
}
