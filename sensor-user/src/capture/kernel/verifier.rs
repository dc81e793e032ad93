//! What the verifier needed for each program, in its own words.

use std::collections::{BTreeMap, BTreeSet};

use aya::{Btf, VerifierLogLevel, programs::ProgramError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::{
    KernelError, KernelOptions,
    attach::{load, program_mut},
    object,
};
use crate::capture::{HOOKS, HookReport, KernelTypes, Tier, program_stats::LoadedPrograms};

/// What the verifier needed for one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifierCost {
    /// Program name.
    pub program: String,
    /// Instructions that it looked at, on all ways through the program. The
    /// kernel refuses a program beyond 1,000,000.
    pub instructions: u64,
    /// Bytes of stack of the program and of each function that it calls. The
    /// kernel refuses a chain of calls beyond 512.
    pub stack_bytes: Vec<u64>,
}

/// What runs.
pub(super) struct Loaded<'a> {
    pub(super) programs: &'a LoadedPrograms,
    pub(super) reports: &'a [HookReport],
}

/// Verifies every program that `loaded` holds loaded once more, and reads what
/// the verifier says at the end.
///
/// Of a program that it accepts, it says that to nobody through aya. So the
/// second load is made to fail when all is verified: without a free descriptor
/// the kernel cannot give the program away (`bpf_prog_load`,
/// `kernel/bpf/syscall.c`: `bpf_check` comes before `bpf_prog_new_fd`).
pub(super) fn costs(
    options: &KernelOptions,
    types: &KernelTypes,
    btf: &Btf,
    tier: Tier,
    fallen: &BTreeMap<usize, String>,
    loaded: &Loaded<'_>,
) -> Result<Vec<VerifierCost>, KernelError> {
    let level = VerifierLogLevel::STATS;
    let (mut ebpf, _handlers) = object::load(options, types, btf, tier, fallen, level)?;
    let mut costs = Vec::new();
    let mut done = BTreeSet::new();
    let _starved = Starved::new().map_err(KernelError::Descriptor)?;
    for (hook, report) in HOOKS.iter().zip(loaded.reports) {
        let tier = report.tier;
        for (point, _) in hook.points(tier).iter().chain(hook.otherwise) {
            let name = point.program(tier);
            if !loaded.programs.contains(&name) || !done.insert(name.clone()) {
                continue;
            }
            let Ok(program) = program_mut(&mut ebpf, &name) else {
                continue;
            };
            if let Err(ProgramError::LoadError { verifier_log, .. }) =
                load(program, *point, tier, btf)
            {
                costs.extend(parse(&name, &verifier_log.to_string()));
            }
        }
    }
    costs.sort_by(|a, b| (b.instructions, &a.program).cmp(&(a.instructions, &b.program)));
    Ok(costs)
}

/// While it lives, this process gets no new descriptor.
struct Starved(Rlimit);

impl Starved {
    fn new() -> std::io::Result<Self> {
        let before = getrlimit(Resource::Nofile);
        let none = Rlimit {
            current: Some(0),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, none)?;
        Ok(Self(before))
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        if let Err(error) = setrlimit(Resource::Nofile, self.0) {
            tracing::warn!(%error, "the limit of open files stays at none");
        }
    }
}

/// Reads the verifier's last words (`print_verification_stats`,
/// `kernel/bpf/verifier.c`). None when it refused the program, or is silent.
fn parse(program: &str, log: &str) -> Option<VerifierCost> {
    let after = |words: &str| {
        log.lines()
            .rev()
            .find_map(|line| line.trim().strip_prefix(words))
    };
    let instructions = after("processed ")?.split(' ').next()?.parse().ok()?;
    let stack_bytes = after("stack depth ")?
        .split('+')
        .map(|bytes| bytes.split(' ').next()?.parse().ok())
        .collect::<Option<_>>()?;
    Some(VerifierCost {
        program: program.to_owned(),
        instructions,
        stack_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_verifiers_last_words() {
        let log = "verification time 121 usec\nstack depth 32+0+24\nprocessed 1234 insns (limit \
                   1000000) max_states_per_insn 2 total_states 30 peak_states 30 mark_read 4\n";
        let cost = parse("sys_exit", log).unwrap();
        assert_eq!(cost.instructions, 1234);
        assert_eq!(cost.stack_bytes, [32, 0, 24]);
        assert_eq!(parse("sys_exit", "R1 invalid mem access 'scalar'\n"), None);
    }
}
