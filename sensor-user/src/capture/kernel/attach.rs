//! Attaching the hooks of a tier.

use aya::{
    Btf, BtfError, Ebpf,
    maps::{MapData, ProgramArray},
    programs::{BtfTracePoint, FEntry, FExit, Lsm, Program, ProgramError},
};
use sensor_common::Offsets;

use super::{
    error::{chain, reason},
    self_test::Findings,
};
use crate::capture::{Hook, KernelTypes, Need, Outcome, Point, Required, Tier, When};

/// Loads and attaches programs of one object.
pub(super) struct Attacher<'a> {
    pub(super) ebpf: &'a mut Ebpf,
    pub(super) handlers: &'a mut ProgramArray<MapData>,
    pub(super) btf: &'a Btf,
    pub(super) types: &'a KernelTypes,
    pub(super) findings: &'a Findings,
    pub(super) tier: Tier,
    pub(super) writes_are_watched: bool,
}

/// Why a program does not run.
pub(super) enum Refusal {
    /// The kernel has no such function or tracepoint.
    NotThere(String),
    /// The kernel has it, and refused the program; its own words.
    Refused(String),
}

impl Refusal {
    fn of(error: &ProgramError) -> Self {
        match error {
            ProgramError::Btf(BtfError::UnknownBtfTypeName { type_name }) => {
                Self::NotThere(format!(
                    "this kernel has no {}",
                    type_name.trim_start_matches("btf_trace_")
                ))
            }
            other => Self::Refused(reason(other)),
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::NotThere(words) | Self::Refused(words) => words,
        }
    }
}

/// Accepts a program that was loaded to try the tier.
fn loaded(result: Result<(), ProgramError>) -> Result<(), Refusal> {
    match result {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(error) => Err(Refusal::of(&error)),
    }
}

impl Attacher<'_> {
    /// Whether the kernel loads programs of this tier at all; else its words.
    pub(super) fn is_allowed(&mut self, tier: Tier) -> Result<(), String> {
        /// A small one.
        const NAME: &str = "task_kill";
        let btf = self.btf;
        let tried = match tier {
            Tier::Lsm => self
                .program(&format!("lsm_{NAME}"))
                .and_then(|program: &mut Lsm| loaded(program.load(NAME, btf))),
            Tier::Fentry => {
                self.program(&format!("fentry_{NAME}"))
                    .and_then(|program: &mut FEntry| {
                        loaded(program.load(&format!("security_{NAME}"), btf))
                    })
            }
            Tier::Tracepoint => Ok(()),
        };
        tried.map_err(Refusal::words)
    }

    /// Attaches a hook in a tier. In the tracepoint tier the handlers of system
    /// calls are called by `sys_exit`, a hook of its own.
    pub(super) fn attach(&mut self, hook: &Hook, tier: Tier) -> Outcome {
        if let Some(reason) = self.unwanted(hook, tier) {
            return Outcome::Absent { reason };
        }
        if let Some(reason) = self.findings.against(hook.kinds) {
            return Outcome::Failed { reason };
        }
        if let Some(reason) = self.missing_members(hook, tier) {
            return Outcome::Failed { reason };
        }
        let mut to = Vec::new();
        let mut words = Vec::new();
        for &point in hook.points(tier) {
            match self.attach_required(point, tier) {
                Ok(Some(place)) => to.push(place),
                Ok(None) => {}
                Err(Refusal::NotThere(_)) if hook.when == When::KernelHasModules => {
                    return Outcome::Absent {
                        reason: String::from("this kernel cannot load modules"),
                    };
                }
                Err(refusal) => words.push(refusal.words()),
            }
        }
        let elsewhere = tier != Tier::Tracepoint && to.is_empty();
        if elsewhere && !hook.otherwise.is_empty() {
            words.clear();
            for &point in hook.otherwise {
                match self.attach_required(point, tier) {
                    Ok(place) => to.extend(place),
                    Err(refusal) => words.push(refusal.words()),
                }
            }
        }
        if !words.is_empty() {
            return Outcome::Failed {
                reason: words.join("; "),
            };
        }
        if to.is_empty() {
            return Outcome::Failed {
                reason: String::from("this kernel has none of its functions"),
            };
        }
        Outcome::Attached { to, refused: None }
    }

    /// Why a hook is not wanted here, if it is not.
    fn unwanted(&self, hook: &Hook, tier: Tier) -> Option<String> {
        match hook.when {
            When::WritesAreWatched if !self.writes_are_watched => {
                return Some(String::from(
                    "the policy names no files whose writing is watched ([watch] write)",
                ));
            }
            When::KernelHasModules if self.types.offsets.module_name == Offsets::ABSENT => {
                return Some(String::from("this kernel cannot load modules"));
            }
            When::KernelHasModules
            | When::WritesAreWatched
            | When::Always
            | When::SystemCallsAreSeen => {}
        }
        hook.points(tier).is_empty().then(|| {
            let limits = hook.limits(tier);
            if limits.is_empty() || tier != Tier::Tracepoint {
                format!("the {tier} tier does not need it")
            } else {
                format!("the {tier} tier cannot see it: {limits}")
            }
        })
    }

    /// What the hook's program reads and this kernel does not have.
    fn missing_members(&self, hook: &Hook, tier: Tier) -> Option<String> {
        let reads_requests = hook.points(tier).iter().any(|(point, _)| {
            matches!(
                point,
                Point::Tracepoint {
                    program: "io_uring_submit",
                    ..
                }
            )
        });
        if !reads_requests {
            return None;
        }
        let offsets = self.types.offsets.as_named();
        offsets
            .filter(|(source, value)| {
                source.structure.starts_with("io_") && *value == Offsets::ABSENT
            })
            .map(|(source, _)| {
                format!(
                    "this kernel's BTF has no {}.{}",
                    source.structure, source.members[0]
                )
            })
            .next()
    }

    /// Attaches one point; `None` when the kernel does not have it and need not.
    fn attach_required(
        &mut self,
        (point, need): Required,
        tier: Tier,
    ) -> Result<Option<String>, Refusal> {
        match self.attach_point(point, tier) {
            Ok(place) => Ok(Some(place)),
            Err(Refusal::NotThere(_)) if need == Need::IfPresent => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Attaches one point; where, in words.
    pub(super) fn attach_point(&mut self, point: Point, tier: Tier) -> Result<String, Refusal> {
        match point {
            Point::Tracepoint { program, names } => self.tracepoint(program, names),
            Point::Security(name) if tier == Tier::Lsm => {
                let btf = self.btf;
                let program: &mut Lsm = self.program(&format!("lsm_{name}"))?;
                loaded(program.load(name, btf))?;
                program.attach().map_err(|error| Refusal::of(&error))?;
                Ok(format!("lsm/{name}"))
            }
            Point::Security(name) => {
                self.entry(&format!("fentry_{name}"), &format!("security_{name}"))
            }
            Point::Entry { program, function } => self.entry(program, function),
            Point::Exit { program, function } => {
                let btf = self.btf;
                let program: &mut FExit = self.program(program)?;
                loaded(program.load(function, btf))?;
                program.attach().map_err(|error| Refusal::of(&error))?;
                Ok(format!("fexit/{function}"))
            }
            Point::Syscall(act) => {
                let btf = self.btf;
                let program: &mut BtfTracePoint = self.program(act.program())?;
                loaded(program.load("sys_exit", btf))?;
                let descriptor = program
                    .fd()
                    .and_then(|descriptor| descriptor.try_clone().map_err(ProgramError::IOError))
                    .map_err(|error| Refusal::of(&error))?;
                self.handlers
                    .set(u32::from(act as u8), &descriptor, 0)
                    .map_err(|error| Refusal::Refused(chain(&error)))?;
                Ok(format!("sys_exit/{}", act.program()))
            }
        }
    }

    fn tracepoint(
        &mut self,
        program: &'static str,
        names: &'static [&'static str],
    ) -> Result<String, Refusal> {
        let btf = self.btf;
        let program: &mut BtfTracePoint = self.program(program)?;
        let mut outcome = Err(Refusal::Refused(String::from("it has no name")));
        for name in names {
            outcome = match program.load(name, btf) {
                Ok(()) => program
                    .attach()
                    .map(|_| format!("tracepoint/{name}"))
                    .map_err(|error| Refusal::of(&error)),
                Err(error) => Err(Refusal::of(&error)),
            };
            if !matches!(outcome, Err(Refusal::NotThere(_))) {
                break;
            }
        }
        outcome
    }

    fn entry(&mut self, program: &str, function: &str) -> Result<String, Refusal> {
        let btf = self.btf;
        let program: &mut FEntry = self.program(program)?;
        loaded(program.load(function, btf))?;
        program.attach().map_err(|error| Refusal::of(&error))?;
        Ok(format!("fentry/{function}"))
    }

    fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P, Refusal>
    where
        &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
    {
        let program = self
            .ebpf
            .program_mut(name)
            .ok_or_else(|| Refusal::Refused(format!("the eBPF object has no program {name}")))?;
        <&mut P>::try_from(program).map_err(|error| Refusal::Refused(reason(&error)))
    }
}
