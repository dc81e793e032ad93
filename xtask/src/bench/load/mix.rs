//! Several loads in turn: what a busy machine does all at once.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::ValueEnum;

use super::{
    Load, create_unlink, create_unlink_spread, exec_exit, open_read, open_write, open_write_spread,
    rename, udp_connect, udp_connect_spread,
};
use crate::bench::{interrupt, small_program};

/// Folders of each of the loads that are everywhere.
const FOLDERS: usize = 2_000;
/// Programs that [`Mix::Programs`] runs a second.
const PROGRAMS: u32 = 200;

/// Which loads are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::bench) enum Mix {
    /// Acts that are the same over and over.
    Same,
    /// Acts on objects of which few come twice in a second.
    Everywhere,
    /// Programs that are run, evenly: what must not drown in the rest.
    Programs,
}

/// Acts that were done, by the kinds of event that they make.
pub(in crate::bench) type Made = BTreeMap<String, u64>;

/// Loads, and how often each comes in a round.
pub(in crate::bench) struct Mixed {
    loads: Vec<(Load, u64)>,
    /// Rounds a second; as fast as they go without.
    rate: Option<u32>,
}

impl Mix {
    /// The name on the command line.
    pub(in crate::bench) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Everywhere => "everywhere",
            Self::Programs => "programs",
        }
    }

    /// The loads, with files in a folder that nobody else uses. A round is long beside a look at the
    /// clock and short beside a second; three quarters of its events are the cheapest.
    pub(in crate::bench) fn prepare(self, directory: &Path) -> Result<Mixed> {
        let loads = match self {
            Self::Same => vec![
                (udp_connect()?, 256),
                (open_write(directory)?, 128),
                // Nothing is told of it.
                (open_read(directory)?, 32),
                (create_unlink(directory), 16),
                (rename(directory)?, 8),
            ],
            Self::Everywhere => vec![
                // Each process begins elsewhere.
                (udp_connect_spread(std::process::id() << 16)?, 256),
                (open_write_spread(directory, FOLDERS)?, 128),
                (open_read(directory)?, 32),
                (create_unlink_spread(directory, FOLDERS)?, 16),
            ],
            Self::Programs => {
                let program = small_program::write(directory)?;
                vec![(exec_exit("exec+exit", &program), 1)]
            }
        };
        Ok(Mixed {
            loads,
            rate: (self == Self::Programs).then_some(PROGRAMS),
        })
    }
}

impl Mixed {
    /// Does one round after the other for as long as `length`.
    pub(in crate::bench) fn run(&mut self, length: Duration) -> Result<Made> {
        let mut rounds = 0;
        let start = Instant::now();
        let mut next = start;
        while start.elapsed() < length {
            interrupt::check()?;
            for (load, count) in &mut self.loads {
                load.times(*count)?;
            }
            rounds += 1;
            if let Some(rate) = self.rate {
                next += Duration::from_secs(1) / rate;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
        Ok(self.made(rounds))
    }

    /// What so many rounds make.
    fn made(&self, rounds: u64) -> Made {
        let mut made = Made::new();
        for (load, count) in &self.loads {
            for kind in load.kinds {
                *made.entry((*kind).to_owned()).or_default() += count * rounds;
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::ValueEnum as _;

    use super::Mix;

    #[test]
    fn every_mix_can_be_done_and_says_what_it_made() {
        for mix in Mix::value_variants() {
            let directory = tempfile::tempdir().expect("a folder");
            let mut mixed = mix.prepare(directory.path()).expect("prepared");
            let made = mixed.run(Duration::from_millis(5)).expect("run");
            assert!(made.values().all(|made| *made > 0), "{made:?}");
            let kinds = made.len();
            assert_eq!(kinds, if *mix == Mix::Same { 4 } else { 3 }, "{made:?}");
        }
    }

    #[test]
    fn a_round_makes_the_events_of_all_its_loads() {
        let directory = tempfile::tempdir().expect("a folder");
        let mixed = Mix::Same.prepare(directory.path()).expect("prepared");
        let made = mixed.made(10);
        assert_eq!(made["file.open"], 10 * (128 + 16));
        assert_eq!(made["network.connect"], 2_560);
    }
}
