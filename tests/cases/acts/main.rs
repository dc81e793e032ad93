//! Every act, and every way around being seen: performed on the real kernel,
//! and what the sensor says of it compared with what the actor saw.
//!
//! One sensor runs for all cases, in the tier named by `SENSOR_TIER` (else the
//! one it chooses). Each case acts in a process of its own, and looks at the
//! records of that process alone. With `SENSOR_MATRIX` naming a file, one line
//! an act is added to it: act, tier, outcome and note.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod aliases;
mod case;
mod container;
mod credentials;
mod evasion;
mod exclusion;
mod file;
mod kernel;
mod matrix;
mod memory;
mod mounts;
mod network;
mod order;
mod process;
mod programs;
mod run;
mod stage;
mod through;
mod wanted;
mod who;

use std::{
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{
    case::{Case, Outcome, words_of},
    matrix::Matrix,
    stage::{Stage, wanted_tier},
};

fn cases() -> Vec<Case> {
    [
        process::cases(),
        programs::cases(),
        file::cases(),
        mounts::cases(),
        network::cases(),
        credentials::cases(),
        memory::cases(),
        kernel::cases(),
        through::cases(),
        aliases::cases(),
        evasion::cases(),
        container::cases(),
        exclusion::cases(),
        order::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share one sensor, and some of them the whole machine.
    arguments.test_threads = Some(1);
    // What a panic says is told with the case that failed.
    std::panic::set_hook(Box::new(|_| {}));
    let stage = Arc::new(Lazy::default());
    let matrix = Arc::new(Matrix::default());
    let mut trials: Vec<Trial> = cases()
        .into_iter()
        .map(|case| trial(case, Arc::clone(&stage), Arc::clone(&matrix)))
        .collect();
    trials.push(Trial::test("sensor::ends_well_and_lost_nothing", {
        let stage = Arc::clone(&stage);
        move || Ok(stage.get()?.end()?)
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(Ok(stage)) = stage.0.get() {
        matrix.write(stage.tier.name());
        stage.stop();
    } else {
        matrix.write(&wanted_tier());
    }
    conclusion.exit_code()
}

/// A stage that is set up when the first case needs it.
#[derive(Default)]
struct Lazy(OnceLock<Result<Stage, ()>>);

impl Lazy {
    /// The stage, or why there is none; said in full once.
    fn get(&self) -> Result<&Stage, String> {
        let mut why = None;
        let stage = self.0.get_or_init(|| {
            std::panic::catch_unwind(Stage::set_up).map_err(|panic| {
                why = Some(words_of(panic.as_ref()));
            })
        });
        stage.as_ref().map_err(|()| {
            why.unwrap_or_else(|| "the sensor did not start, as said before".to_owned())
        })
    }
}

fn trial(case: Case, stage: Arc<Lazy>, matrix: Arc<Matrix>) -> Trial {
    Trial::ignorable_test(case.name.clone(), move || {
        let outcome = stage.get().map(|stage| case.outcome(stage));
        let outcome = outcome.unwrap_or_else(Outcome::Failed);
        matrix.add(&case, &outcome);
        match outcome {
            Outcome::Seen => Ok(Completion::Completed),
            Outcome::Unseen(words) => Ok(Completion::ignored_with(words)),
            Outcome::Failed(words) => Err(Failed::from(words)),
        }
    })
}
