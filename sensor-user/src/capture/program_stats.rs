use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use aya::programs::Program;
use schemars::JsonSchema;
use serde::Serialize;

use super::hooks::SECOND_PROGRAM;

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

/// The loaded programs, by descriptors of their own.
#[derive(Debug)]
pub(super) struct LoadedPrograms(Vec<(String, OwnedFd)>);

impl LoadedPrograms {
    /// Those of these programs that are loaded.
    pub(super) fn of<'a>(
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

    /// Whether a program of this name is loaded.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(program, _)| program == name)
    }

    /// The statistics of each program that has some, from its descriptor's
    /// information in `/proc/self/fdinfo`.
    pub(super) fn stats(&self) -> impl Iterator<Item = ProgramStats> {
        self.0.iter().filter_map(|(name, descriptor)| {
            let text = information(descriptor.as_fd())?;
            Some(ProgramStats {
                program: name.clone(),
                run_count: value(&text, "run_cnt")?,
                run_time_ns: value(&text, "run_time_ns")?,
            })
        })
    }
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
#[derive(Debug)]
pub(super) struct SkipReader(pub(super) Arc<LoadedPrograms>);

impl SkipReader {
    /// The programs that were skipped, each with how often so far.
    pub(super) fn read(&self) -> Vec<Skipped> {
        let skipped = self.0.0.iter().filter_map(|(program, descriptor)| {
            let text = information(descriptor.as_fd())?;
            Some((program.as_str(), value(&text, "recursion_misses")?))
        });
        without_seconds(&skipped.collect())
    }
}

/// What was skipped, given how often each program was. A second program on the
/// same tracepoint does the work of the first where that was skipped: what is
/// lost was skipped by both, and so no more often than by either.
fn without_seconds(programs: &BTreeMap<&str, u64>) -> Vec<Skipped> {
    programs
        .iter()
        .filter(|(program, _)| !program.ends_with(SECOND_PROGRAM))
        .map(|(program, &times)| {
            let second = programs.get(format!("{program}{SECOND_PROGRAM}").as_str());
            Skipped {
                program: (*program).to_owned(),
                times: second.map_or(times, |&second| times.min(second)),
            }
        })
        .filter(|skipped| skipped.times > 0)
        .collect()
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
    fn a_skipped_program_with_a_second_one_is_no_loss() {
        let programs = BTreeMap::from([
            ("file_open", 3),
            ("prctl", 0),
            ("sys_exit", 9),
            ("sys_exit_second", 2),
            ("task_newtask", 5),
            ("task_newtask_second", 0),
        ]);
        let skipped: Vec<_> = without_seconds(&programs)
            .into_iter()
            .map(|skipped| (skipped.program, skipped.times))
            .collect();
        let expected = [("file_open", 3), ("sys_exit", 2)];
        assert_eq!(
            skipped,
            expected.map(|(name, times)| (name.to_owned(), times))
        );
    }

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
