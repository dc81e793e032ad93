use rustix::{
    fs::{Statx, StatxTimestamp},
    time::{ClockId, clock_gettime},
};

use super::Executed;

/// What the hash of a file is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The file has not changed since the program was run.
    Unchanged {
        /// Nor can it change without another second in its time: its hash may be
        /// remembered.
        settled: bool,
    },
    /// Its time does not tell, but it was found as the file that the process
    /// runs, and that cannot be written to. If the process has run no other
    /// program meanwhile, it is what was run: only names, owner or mode may have
    /// changed, as with every program that removes itself.
    ///
    /// A memfd can be written to while it runs, by who has it open: its hash is
    /// of what it holds when it is read.
    IfStillRunning,
}

/// The resolution of files' times, in nanoseconds: a clock tick, 10 ms at most.
const TICK: i128 = 10_000_000;

/// Seconds after which the time of a change is certainly over, on file systems
/// that count two seconds as one.
const SETTLED: i64 = 3;

impl Certainty {
    /// Judges the file with this status, found through the process (`running`)
    /// or by path. `exact` says that device, inode and time stand for one content
    /// of one file. `None` when it may be another, or have other contents.
    pub(super) fn of(
        status: &Statx,
        executed: &Executed,
        running: bool,
        exact: bool,
    ) -> Option<Self> {
        let changed = latest(status.stx_ctime);
        let written = latest(status.stx_mtime);
        let facts = &executed.image.facts;
        let unchanged =
            status.stx_ctime.tv_sec == facts.change_time && changed + TICK <= executed.unix_time;
        if unchanged && exact {
            let settled = now() - status.stx_ctime.tv_sec >= SETTLED;
            return Some(Self::Unchanged { settled });
        }
        (running && written <= executed.unix_time).then_some(Self::IfStillRunning)
    }
}

/// Nanoseconds since 1970, at latest: some file systems count seconds only.
fn latest(time: StatxTimestamp) -> i128 {
    let fraction = if time.tv_nsec == 0 {
        999_999_999
    } else {
        time.tv_nsec
    };
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(fraction)
}

/// Seconds since 1970.
fn now() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}

#[cfg(test)]
mod tests {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

    use super::*;
    use crate::hash::test_support::{Program, executed};

    const SECOND: i128 = 1_000_000_000;

    fn status(program: &Program) -> Statx {
        statx(
            CWD,
            &program.path,
            AtFlags::empty(),
            StatxFlags::BASIC_STATS,
        )
        .unwrap()
    }

    #[test]
    fn a_file_that_is_as_it_was_run_is_unchanged() {
        let program = Program::new(b"x");
        let executed = executed(&program);
        let status = status(&program);
        // It was made just now: it may change within its second.
        let settled = Certainty::Unchanged { settled: false };
        for running in [false, true] {
            assert_eq!(
                Certainty::of(&status, &executed, running, true),
                Some(settled)
            );
        }
        assert_eq!(
            Certainty::of(&status, &executed, true, false),
            Some(Certainty::IfStillRunning)
        );
        assert_eq!(Certainty::of(&status, &executed, false, false), None);
    }

    #[test]
    fn an_old_file_is_settled() {
        let program = Program::new(b"x");
        let mut executed = executed(&program);
        let mut status = status(&program);
        status.stx_ctime.tv_sec -= SETTLED;
        executed.image = {
            let mut image = (*executed.image).clone();
            image.facts.change_time -= SETTLED;
            image.into()
        };
        assert_eq!(
            Certainty::of(&status, &executed, false, true),
            Some(Certainty::Unchanged { settled: true })
        );
    }

    #[test]
    fn a_change_after_the_exec_is_seen_within_its_second() {
        let program = Program::new(b"x");
        let mut executed = executed(&program);
        let status = status(&program);
        executed.unix_time = latest(status.stx_ctime) + TICK - 1;
        assert_eq!(Certainty::of(&status, &executed, false, true), None);
        assert_eq!(
            Certainty::of(&status, &executed, true, true),
            Some(Certainty::IfStillRunning)
        );
        // What was written to later is not what was run, whoever runs it.
        executed.unix_time = latest(status.stx_mtime) - 1;
        assert_eq!(Certainty::of(&status, &executed, true, true), None);
    }

    #[test]
    fn a_time_in_seconds_is_of_the_second_s_end() {
        let program = Program::new(b"x");
        let mut executed = executed(&program);
        let mut status = status(&program);
        status.stx_ctime.tv_nsec = 0;
        executed.unix_time = i128::from(status.stx_ctime.tv_sec) * SECOND + SECOND / 2;
        assert_eq!(Certainty::of(&status, &executed, false, true), None);
        executed.unix_time += SECOND;
        assert!(Certainty::of(&status, &executed, false, true).is_some());
    }

    #[test]
    fn a_program_that_was_renamed_or_removed_is_told_by_who_runs_it() {
        let program = Program::new(b"x");
        let executed = executed(&program);
        let mut status = status(&program);
        status.stx_ctime.tv_sec += 5;
        assert_eq!(Certainty::of(&status, &executed, false, true), None);
        assert_eq!(
            Certainty::of(&status, &executed, true, true),
            Some(Certainty::IfStillRunning)
        );
        status.stx_mtime = status.stx_ctime;
        assert!(i128::from(status.stx_ctime.tv_sec) * SECOND > executed.unix_time);
        assert_eq!(Certainty::of(&status, &executed, true, true), None);
    }
}
