//! What ordinary work takes without and with the sensor, in alternation.
//!
//! Acts on their own are the sensor's worst case; here they are between what a server does all day.

mod compile;
mod postgres;
mod redis;
mod tool;
mod tree;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    Bench, alternation, interrupt, progress,
    report::{Absent, Findings},
};
use crate::toolchain::Search;

const GROUP: &str = "work";

/// A piece of work that can be done any number of times.
struct Work {
    name: &'static str,
    act: Box<dyn FnMut() -> Result<()>>,
    /// How often it is done for one measurement.
    times: u32,
}

/// How a piece of work is made ready in a folder of its own, with programs from these places.
type Prepare = fn(&Path, &Search) -> Result<Work>;

/// Every piece of work, under its name in the table.
const ALL: [(&str, Prepare); 5] = [
    (compile::NAME, compile::prepare),
    (tree::FIND, tree::prepare_find),
    (tree::TAR, tree::prepare_tar),
    (redis::NAME, redis::prepare),
    (postgres::NAME, postgres::prepare),
];

pub(super) fn measure(bench: &Bench) -> Result<Findings> {
    let rounds = if bench.quick { 3 } else { 7 };
    let directory = bench.directory().join("work");
    let (mut works, absent) = prepare_all(&directory, &Search::from_environment())?;
    for work in &mut works {
        progress(&format!("work: warming up: {}", work.name));
        work.last(bench.length(200, 1_000))?;
    }
    let costs = alternation::measure(bench, GROUP, rounds, &mut works, Work::milliseconds)?;
    let mut findings = Findings {
        absent,
        ..Findings::default()
    };
    for (work, costs) in works.iter().zip(costs) {
        let figures = costs.figures(GROUP, work.name, "ms")?;
        findings.figures.extend(figures);
    }
    Ok(findings)
}

/// Makes ready what can be; what cannot be done here is told, and keeps nothing else from it.
fn prepare_all(directory: &Path, search: &Search) -> Result<(Vec<Work>, Vec<Absent>)> {
    let mut works = Vec::new();
    let mut absent = Vec::new();
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    for (name, prepare) in ALL {
        progress(&format!("work: preparing: {name}"));
        let prepared = prepare(directory, search);
        // What fails after Ctrl-C fails for that.
        interrupt::check()?;
        match prepared {
            Ok(work) => works.push(work),
            Err(error) => absent.push(Absent::new(GROUP, name, format!("{error:#}"))),
        }
    }
    Ok((works, absent))
}

impl Work {
    fn new(name: &'static str, act: impl FnMut() -> Result<()> + 'static) -> Self {
        Self {
            name,
            act: Box::new(act),
            times: 1,
        }
    }

    /// Milliseconds that it takes once: the mean over one measurement.
    fn milliseconds(&mut self) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..self.times {
            let done = (self.act)();
            interrupt::check()?;
            done.with_context(|| format!("the work `{}`", self.name))?;
        }
        Ok(start.elapsed().as_secs_f64() * 1_000.0 / f64::from(self.times))
    }

    /// From now on one measurement lasts about this long, or once, if that takes longer.
    fn last(&mut self, length: Duration) -> Result<()> {
        /// More would not make a figure better.
        const MOST: u32 = 100;
        let length = length.as_secs_f64() * 1_000.0;
        let once = self.milliseconds()?;
        self.times = (1..MOST)
            .find(|times| once * f64::from(*times) >= length)
            .unwrap_or(MOST);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, thread, time::Duration};

    use super::{ALL, Work, prepare_all};
    use crate::toolchain::Search;

    #[test]
    fn all_work_is_done_or_the_package_of_its_tool_is_told() {
        let directory = tempfile::tempdir().expect("a folder");
        let (works, absent) =
            prepare_all(directory.path(), &Search::from_environment()).expect("prepared");
        assert_eq!(works.len() + absent.len(), ALL.len());
        for absent in absent {
            assert!(absent.reason.contains("apt-get install"), "{absent:?}");
        }
        for mut work in works {
            let milliseconds = work.milliseconds().expect(work.name);
            assert!(milliseconds > 0.0, "{}", work.name);
        }
    }

    #[test]
    fn without_tools_everything_is_absent_and_says_how_to_get_it() {
        let directory = tempfile::tempdir().expect("a folder");
        let search = Search {
            program_folders: vec![PathBuf::from("/nowhere")],
            ..Search::from_environment()
        };
        let (works, absent) = prepare_all(directory.path(), &search).expect("prepared");
        assert!(works.is_empty());
        let reasons: Vec<_> = absent.iter().map(|absent| absent.reason.as_str()).collect();
        for (reason, package) in reasons.iter().zip([
            "build-essential",
            "findutils",
            "tar",
            "redis-server",
            "postgresql",
        ]) {
            let how = format!("`apt-get install {package}`");
            assert!(reason.contains(&how), "{reason}");
        }
        assert_eq!(reasons.len(), ALL.len());
    }

    #[test]
    fn short_work_is_repeated() {
        let mut work = Work::new("sleep", || {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        work.last(Duration::from_secs(100)).expect("done");
        assert_eq!(work.times, 100);
        work.last(Duration::ZERO).expect("done");
        assert_eq!(work.times, 1);
    }
}
