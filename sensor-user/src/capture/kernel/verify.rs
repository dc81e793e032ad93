//! Having several programs verified at a time.

use std::{
    borrow::Cow,
    collections::HashMap,
    num::NonZero,
    sync::{Mutex, PoisonError},
    thread,
};

use aya::{Btf, Ebpf, programs::Program, programs::ProgramError};

use super::attach::load;
use crate::capture::{Point, Tier};

/// A program that is wanted: its name, the point that it is for, and the tier.
pub(super) type Wanted = (Cow<'static, str>, Point, Tier);

/// What the kernel said of programs that it was asked to load: the name of the
/// function or tracepoint that each is for, or why not.
#[derive(Default)]
pub(super) struct Verdicts(HashMap<String, Verdict>);

type Verdict = Result<Cow<'static, str>, ProgramError>;

/// Threads at most. Each keeps a processor busy for the time of a start, when
/// others may want to start, too.
const THREADS_MAX: usize = 8;

impl Verdicts {
    /// Has the kernel load every program of `wanted`.
    ///
    /// To verify the programs is most of a start, and the kernel verifies as many
    /// at a time as it is asked to.
    pub(super) fn of(ebpf: &mut Ebpf, wanted: Vec<Wanted>, btf: &Btf) -> Self {
        let mut points: HashMap<_, _> = wanted
            .into_iter()
            .map(|(name, point, tier)| (name, (point, tier)))
            .collect();
        let programs: Vec<_> = ebpf
            .programs_mut()
            .filter_map(|(name, program)| {
                let (point, tier) = points.remove(name)?;
                Some((name.to_owned(), program, point, tier))
            })
            .collect();
        let threads = thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(THREADS_MAX)
            .min(programs.len());
        let queue = Mutex::new(programs.into_iter());
        let work = || {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let mut verdicts = HashMap::new();
            while let Some((name, program, point, tier)) = next() {
                verdicts.insert(name, timed(program, point, tier, btf));
            }
            verdicts
        };
        let verdicts = thread::scope(|scope| {
            // Where no thread is to be had, this one does it alone.
            let helpers: Vec<_> = (1..threads)
                .filter_map(|_| {
                    thread::Builder::new()
                        .name(String::from("verify"))
                        .spawn_scoped(scope, work)
                        .ok()
                })
                .collect();
            let mut verdicts = work();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => verdicts.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            verdicts
        });
        Self(verdicts)
    }

    /// What the kernel said of a program; `None` when it was not asked, or the
    /// answer was taken before.
    pub(super) fn take(&mut self, name: &str) -> Option<Verdict> {
        self.0.remove(name)
    }
}

fn timed(program: &mut Program, point: Point, tier: Tier, btf: &Btf) -> Verdict {
    let _span = tracing::trace_span!("verify a program", program = %point.program(tier)).entered();
    load(program, point, tier, btf)
}
