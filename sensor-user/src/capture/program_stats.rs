use std::{
    fs,
    os::fd::{AsFd, AsRawFd},
};

use aya::programs::Program;
use schemars::JsonSchema;
use serde::Serialize;

/// What the kernel measured of one program while statistics were switched on
/// (`kernel.bpf_stats_enabled`, or a descriptor of `BPF_ENABLE_STATS`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProgramStats {
    /// Program name.
    pub program: String,
    /// Times it ran.
    pub run_count: u64,
    /// Nanoseconds it ran in all, tail calls included.
    pub run_time_ns: u64,
}

/// Reads the statistics of a loaded program from its descriptor's information
/// in `/proc/self/fdinfo`.
#[must_use]
pub fn program_stats(name: &str, program: &Program) -> Option<ProgramStats> {
    let descriptor = program.fd().ok()?.as_fd().as_raw_fd();
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
    parse(name, &text)
}

/// What the verifier needed for one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifierCost {
    /// Program name.
    pub program: String,
    /// Instructions that it looked at, on all ways through the program; zero on
    /// kernels before 5.16, which do not say.
    pub verified_instructions: u32,
    /// Bytes of the program's instructions.
    pub bytes: u32,
}

/// What the verifier needed for a loaded program.
#[must_use]
pub fn verifier_cost(name: &str, program: &Program) -> Option<VerifierCost> {
    let info = program.info().ok()?;
    Some(VerifierCost {
        program: name.to_owned(),
        verified_instructions: info.verified_instruction_count().unwrap_or_default(),
        bytes: info.size_translated().unwrap_or_default(),
    })
}

fn parse(name: &str, text: &str) -> Option<ProgramStats> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            line.strip_prefix(key)?
                .strip_prefix(':')?
                .trim()
                .parse()
                .ok()
        })
    };
    Some(ProgramStats {
        program: name.to_owned(),
        run_count: value("run_cnt")?,
        run_time_ns: value("run_time_ns")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_form() {
        let text =
            "pos:\t0\nprog_type:\t26\nrun_time_ns:\t1200\nrun_cnt:\t8\nrecursion_misses:\t0\n";
        let stats = parse("sys_exit", text).unwrap();
        assert_eq!((stats.run_count, stats.run_time_ns), (8, 1200));
        assert_eq!(parse("sys_exit", "pos:\t0\n"), None);
    }
}
