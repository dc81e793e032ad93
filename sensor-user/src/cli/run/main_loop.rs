//! The main loop: rings, timers and signals.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    pace::{self, Pace},
    pipeline::Pipeline,
};
use crate::{
    capture::{Kernel, LossReader, Rings},
    outputs::StatusLine,
    recording::Input,
};

pub(super) struct Options {
    pub(super) duration: Option<Duration>,
    pub(super) quiet: bool,
    /// Waited for from the start on: without it a SIGHUP ends the sensor.
    pub(super) hang_up: Signal,
}

/// Records handled before timers and signals are looked at.
const BATCH: usize = 4_096;

/// Runs until the duration is over, a signal comes, or the output's reader has
/// gone; then detaches, takes what is left, and sums up.
pub(super) async fn run(
    pipeline: &mut Pipeline,
    rings: &mut Rings,
    losses: &LossReader,
    kernel: Kernel,
    mut options: Options,
) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut tick = tokio::time::interval(StatusLine::INTERVAL);
    let end = async {
        match options.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut status = StatusLine::new();
    let mut more = true;
    let mut pace = Pace::new(Instant::now());
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = &mut end => break,
            _ = options.hang_up.recv() => pipeline.look_for_model(),
            _ = tick.tick() => {
                pipeline.second(losses.read());
                if pipeline.output_closed() {
                    break;
                }
                if !options.quiet {
                    status.update(pipeline.status());
                }
            }
            () = tokio::task::yield_now(), if more => {}
            rested = rest(rings, &pace, pipeline.must_look()), if !more => rested?,
        }
        rings.awake();
        pipeline.fetch_notices();
        let drained = rings.drain(BATCH, |record| {
            pipeline.take(Input::Record(record));
        });
        more = drained.records == BATCH;
        let mut found = drained;
        if !more {
            let noticed = pipeline.take_notices();
            found.records += noticed.notices;
            more = noticed.more;
        }
        pipeline.settle();
        pace.found(found, Instant::now());
        if more {
            pipeline.falls_behind();
        } else {
            pipeline.caught_up();
        }
        print_verdicts(pipeline, &mut status);
    }
    status.clear();
    // No new records from here on; the rings keep what is in them.
    let programs = kernel.program_stats();
    drop(kernel);
    loop {
        pipeline.fetch_notices();
        while rings
            .drain(BATCH, |record| pipeline.take(Input::Record(record)))
            .records
            > 0
        {}
        if !pipeline.take_notices().more {
            break;
        }
    }
    pipeline.settle();
    print_verdicts(pipeline, &mut status);
    pipeline.second(losses.read());
    pipeline.finish(programs, options.quiet)
}

/// `must_look` is for what wakes nobody.
async fn rest(rings: &mut Rings, pace: &Pace, must_look: bool) -> std::io::Result<()> {
    let (rest, nap) = pace.rest();
    let nap = nap.or(must_look.then_some(pace::LONGEST));
    rings.rest(rest, nap).await
}

/// Prints verdicts for people: on standard output, or beside a JSON output on
/// standard error.
fn print_verdicts(pipeline: &mut Pipeline, status: &mut StatusLine) {
    if !pipeline.has_verdict_lines() {
        return;
    }
    status.clear();
    let to_stdout = !pipeline.writes_records();
    for line in pipeline.take_verdict_lines() {
        if to_stdout {
            println!("{line}");
        } else {
            eprintln!("{line}");
        }
    }
}
