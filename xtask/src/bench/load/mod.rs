//! Loads: one ordinary act, over and over.

mod file;
mod mix;
mod network;
mod process;
mod spread;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::interrupt;

pub(super) use file::{
    chmod, create_unlink, make_unlink, open_read, open_write, rename, write_null,
};
pub(super) use mix::{Made, Mix};
pub(super) use network::{bind, listen, tcp_connect_accept, udp_connect};
pub(super) use process::{exec_exit, fork_exit, getppid};
pub(super) use spread::{create_unlink_spread, open_write_spread, udp_connect_spread};

/// How long a batch should take: long beside a look at the clock, short beside a disturbance.
const BATCH: Duration = Duration::from_millis(4);

/// An act that can be done any number of times.
pub(super) struct Load {
    /// What is done.
    pub(super) name: &'static str,
    /// Kinds of event that one act makes, under the names of the sensor's summary.
    pub(super) kinds: &'static [&'static str],
    act: Box<dyn FnMut(u64) -> Result<()>>,
    batch: u64,
}

/// What a load came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    /// Acts done.
    pub(super) acts: u64,
    /// How long it took in all.
    pub(super) time: Duration,
    /// Nanoseconds an act took, in each batch.
    pub(super) batches: Vec<f64>,
}

impl Done {
    /// Nanoseconds an act took, in the median batch: what disturbs a few batches does not count.
    pub(super) fn nanoseconds(&self) -> f64 {
        super::figure::median_of(&self.batches)
    }
}

impl Load {
    fn new(
        name: &'static str,
        kinds: &'static [&'static str],
        act: impl FnMut(u64) -> Result<()> + 'static,
    ) -> Self {
        Self {
            name,
            kinds,
            act: Box::new(act),
            batch: 1,
        }
    }

    /// Does the act `count` times; how long that took.
    fn time(&mut self, count: u64) -> Result<Duration> {
        let start = Instant::now();
        (self.act)(count).with_context(|| format!("the load `{}`", self.name))?;
        Ok(start.elapsed())
    }

    /// Does the act this often.
    pub(super) fn times(&mut self, acts: u64) -> Result<Done> {
        let time = self.time(acts)?;
        let batches = vec![time.as_nanos() as f64 / acts as f64];
        Ok(Done {
            acts,
            time,
            batches,
        })
    }

    /// Does the act as fast as it can be done, for about as long as `length`.
    pub(super) fn flat_out(&mut self, length: Duration) -> Result<Done> {
        let mut done = Done::default();
        while done.time < length {
            interrupt::check()?;
            let count = self.batch;
            let time = self.time(count)?;
            done.acts += count;
            done.time += time;
            done.batches.push(time.as_nanos() as f64 / count as f64);
            // The first few batches find the size.
            if time < BATCH / 2 {
                self.batch *= 2;
                done.batches.clear();
            }
        }
        Ok(done)
    }

    /// Does the act `rate` times a second, evenly, for as long as `length`.
    pub(super) fn paced(&mut self, rate: u32, length: Duration) -> Result<Done> {
        let mut done = Done::default();
        let start = Instant::now();
        let step = Duration::from_secs(1) / rate;
        let mut next = start;
        while start.elapsed() < length {
            interrupt::check()?;
            let time = self.time(1)?;
            done.acts += 1;
            done.batches.push(time.as_nanos() as f64);
            next += step;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        done.time = start.elapsed();
        Ok(done)
    }
}

/// The acts whose cost with and without the sensor is compared.
pub(super) fn ordinary(directory: &Path) -> Result<Vec<Load>> {
    let mut loads = vec![exec_exit(
        "exec+exit, smallest program",
        &super::small_program::write(directory)?,
    )];
    // What others measured their exec with; every distribution has it.
    let program = Path::new("/bin/true");
    if program.exists() {
        loads.push(exec_exit("exec+exit, /bin/true", program));
    }
    loads.extend([
        fork_exit(),
        open_read(directory)?,
        open_write(directory)?,
        create_unlink(directory),
        rename(directory)?,
        udp_connect()?,
        tcp_connect_accept()?,
        write_null()?,
        getppid(),
    ]);
    Ok(loads)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{getppid, ordinary};

    #[test]
    fn every_ordinary_act_can_be_done() {
        let directory = tempfile::tempdir().expect("a folder");
        for mut load in ordinary(directory.path()).expect("loads") {
            let done = load.flat_out(Duration::from_millis(1)).expect(load.name);
            assert!(done.acts > 0, "{}", load.name);
        }
    }

    #[test]
    fn a_paced_load_keeps_its_rate() {
        let done = getppid()
            .paced(1_000, Duration::from_millis(50))
            .expect("paced");
        // A busy machine makes it slower, nothing makes it faster.
        assert!((1..=51).contains(&done.acts), "{}", done.acts);
    }
}
