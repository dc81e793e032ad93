use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
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
    let text = information(program.fd().ok()?.as_fd())?;
    Some(ProgramStats {
        program: name.to_owned(),
        run_count: value(&text, "run_cnt")?,
        run_time_ns: value(&text, "run_time_ns")?,
    })
}

/// A program, and how often the kernel did not run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Program name.
    pub program: String,
    /// Times since it was loaded.
    pub times: u64,
}

/// Reads how often the kernel passed a hook without running the program there,
/// because the same program had been interrupted on the same processor. Tracing
/// programs only; an LSM program is always run (`bpf_prog_check_recur`,
/// `include/linux/bpf_verifier.h`). Kernels before 5.12 neither skip nor count.
#[derive(Debug, Default)]
pub(super) struct SkipReader(Vec<(String, OwnedFd)>);

impl SkipReader {
    /// Of these programs; each keeps a descriptor open.
    pub(super) fn new<'a>(
        programs: impl Iterator<Item = (&'a str, &'a Program)>,
    ) -> io::Result<Self> {
        programs
            .filter_map(|(name, program)| Some((name, program.fd().ok()?)))
            .map(|(name, descriptor)| {
                Ok((name.to_owned(), descriptor.as_fd().try_clone_to_owned()?))
            })
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// The programs that were skipped, each with how often so far.
    pub(super) fn read(&self) -> Vec<Skipped> {
        self.0
            .iter()
            .filter_map(|(program, descriptor)| {
                let text = information(descriptor.as_fd())?;
                let times = value(&text, "recursion_misses").filter(|times| *times > 0)?;
                Some(Skipped {
                    program: program.clone(),
                    times,
                })
            })
            .collect()
    }
}

/// What the kernel tells of a descriptor of this process.
fn information(descriptor: BorrowedFd<'_>) -> Option<String> {
    fs::read_to_string(format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd())).ok()
}

fn value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(key)?
            .strip_prefix(':')?
            .trim()
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_form() {
        let text =
            "pos:\t0\nprog_type:\t26\nrun_time_ns:\t1200\nrun_cnt:\t8\nrecursion_misses:\t3\n";
        assert_eq!(value(text, "run_cnt"), Some(8));
        assert_eq!(value(text, "run_time_ns"), Some(1200));
        assert_eq!(value(text, "recursion_misses"), Some(3));
        assert_eq!(value("pos:\t0\n", "run_cnt"), None);
    }
}
