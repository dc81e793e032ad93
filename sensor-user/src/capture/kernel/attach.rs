//! Attaching the hooks of a tier.

use std::{borrow::Cow, collections::BTreeMap, io, os::fd::OwnedFd};

use aya::{
    Btf, BtfError, Ebpf,
    maps::MapError,
    programs::{CgroupAttachMode, CgroupSock, Program, ProgramError, ProgramFd, links::FdLink},
};
use rustix::{
    fs::{Mode, OFlags, openat},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
};
use sensor_common::{Offsets, SyscallAct};

use super::{
    error::{chain, reason},
    object::{Handlers, kernel_at_least},
    self_test::Findings,
    verify::{Verdicts, Wanted},
};
use crate::capture::{
    HOOKS, Hook, KernelTypes, Need, Outcome, Point, Required, Tier, When, hooks::SECOND_PROGRAM,
};

/// Loads and attaches programs of one object.
pub(super) struct Attacher<'a> {
    pub(super) ebpf: &'a mut Ebpf,
    pub(super) handlers: &'a mut Handlers,
    pub(super) btf: &'a Btf,
    pub(super) types: &'a KernelTypes,
    pub(super) findings: &'a Findings,
    pub(super) tier: Tier,
    pub(super) writes_are_watched: bool,
    /// Why the kernel does not notify of files, where it was asked to.
    pub(super) notices_refused: Option<String>,
    /// Programs that the kernel was asked for ahead.
    pub(super) verdicts: Verdicts,
    /// What is attached, for as long as it is held.
    pub(super) links: Vec<FdLink>,
    /// Where each program is attached: one may be for several hooks.
    pub(super) shared: BTreeMap<String, String>,
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

/// Attaches a loaded program; what keeps it attached, as its own value: dropping
/// the program does not detach it.
macro_rules! link {
    ($program:expr) => {
        $program
            .attach()
            .and_then(|link| $program.take_link(link))
            .map(FdLink::from)
    };
}

/// Whether the kernel loads programs of this tier at all; else its words.
pub(super) fn is_allowed(ebpf: &mut Ebpf, tier: Tier, btf: &Btf) -> Result<(), String> {
    /// A small one.
    const TRIED: Point = Point::Security("task_kill");
    if matches!(tier, Tier::Tracepoint | Tier::Light) {
        return Ok(());
    }
    program_mut(ebpf, &TRIED.program(tier))
        .and_then(|program| load(program, TRIED, tier, btf).map_err(|error| Refusal::of(&error)))
        .map(drop)
        .map_err(Refusal::words)
}

impl Attacher<'_> {
    /// Attaches every hook, those of `fallen` in the tracepoint tier.
    pub(super) fn attach_all(&mut self, fallen: &BTreeMap<usize, String>) -> Vec<Outcome> {
        let own = self.tier;
        let hooks = || {
            HOOKS.iter().enumerate().map(|(index, hook)| {
                let fell = fallen.contains_key(&index);
                (hook, if fell { Tier::Tracepoint } else { own })
            })
        };
        let wanted = hooks().flat_map(|(hook, tier)| self.programs(hook, tier));
        let wanted = wanted.collect();
        {
            let _span = tracing::debug_span!("load the programs").entered();
            self.verdicts = Verdicts::of(self.ebpf, wanted, self.btf);
        }
        let _span = tracing::debug_span!("attach the hooks").entered();
        hooks()
            .map(|(hook, tier)| self.attach(hook, tier))
            .collect()
    }

    /// The programs of a hook in a tier, those aside that are for a kernel
    /// without the usual points.
    fn programs(&self, hook: &Hook, tier: Tier) -> Vec<Wanted> {
        if self.hindrance(hook, tier).is_some() {
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for &(point, need) in hook.points(tier) {
            if need == Need::IfPreemptible && !preempts_in_tracepoints() {
                continue;
            }
            if matches!(point, Point::FileNotices(_)) {
                continue;
            }
            let name = point.program(tier);
            if matches!(point, Point::Syscall(_)) && preempts_in_tracepoints() {
                wanted.push((format!("{name}{SECOND_PROGRAM}").into(), point, tier));
            }
            wanted.push((name, point, tier));
        }
        wanted
    }

    /// Why a hook is not even tried, if it is not.
    fn hindrance(&self, hook: &Hook, tier: Tier) -> Option<Outcome> {
        if let Some(reason) = self.unwanted(hook, tier) {
            return Some(Outcome::Absent { reason });
        }
        self.findings
            .against(hook.kinds)
            .or_else(|| self.missing_members(hook, tier))
            .map(|reason| Outcome::Failed { reason })
    }

    /// Attaches a hook in a tier. In the tracepoint tier the handlers of system
    /// calls are called by `sys_exit`, a hook of its own.
    fn attach(&mut self, hook: &Hook, tier: Tier) -> Outcome {
        if let Some(outcome) = self.hindrance(hook, tier) {
            return outcome;
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
        let elsewhere = matches!(tier, Tier::Lsm | Tier::Fentry) && to.is_empty();
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
            match tier {
                Tier::Light if hook.when == When::SystemCallsAreSeen => {
                    format!("the {tier} tier has no hook on system calls")
                }
                Tier::Light => {
                    format!("the {tier} tier cannot see it: it shows in system calls alone")
                }
                Tier::Tracepoint if !limits.is_empty() => {
                    format!("the {tier} tier cannot see it: {limits}")
                }
                Tier::Tracepoint | Tier::Lsm | Tier::Fentry => {
                    format!("the {tier} tier does not need it")
                }
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
        if need == Need::IfPreemptible && !preempts_in_tracepoints() {
            return Ok(None);
        }
        match self.attach_point(point, tier) {
            Ok(place) => Ok(Some(place)),
            Err(Refusal::NotThere(_)) if need == Need::IfPresent => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Attaches one point, unless it is for another hook already; where, in words.
    fn attach_point(&mut self, point: Point, tier: Tier) -> Result<String, Refusal> {
        match point {
            Point::Syscall(act) => return self.handle(act, tier),
            Point::FileNotices(sort) => {
                return match &self.notices_refused {
                    Some(words) => Err(Refusal::Refused(words.clone())),
                    None => Ok(format!("fanotify/{sort}")),
                };
            }
            Point::Tracepoint { .. }
            | Point::Security(_)
            | Point::Entry { .. }
            | Point::Exit { .. }
            | Point::CgroupSocket(_) => {}
        }
        let name = point.program(tier);
        if let Some(place) = self.shared.get(&*name) {
            return Ok(place.clone());
        }
        let function = self.load(&name, point, tier)?;
        let program = program_mut(self.ebpf, &name)?;
        let (kind, link) = match program {
            Program::Lsm(program) => ("lsm", link!(program)),
            Program::FEntry(program) => ("fentry", link!(program)),
            Program::FExit(program) => ("fexit", link!(program)),
            Program::BtfTracePoint(program) => ("tracepoint", link!(program)),
            Program::CgroupSock(program) => ("cgroup", to_root_cgroup(program)),
            _ => ("", Err(ProgramError::UnexpectedProgramType)),
        };
        self.links.push(link.map_err(|error| Refusal::of(&error))?);
        let place = format!("{kind}/{function}");
        self.shared.insert(name.into_owned(), place.clone());
        Ok(place)
    }

    /// Has the kernel load a program, unless it was asked for it ahead.
    fn load(&mut self, name: &str, point: Point, tier: Tier) -> Result<Cow<'static, str>, Refusal> {
        let verdict = match self.verdicts.take(name) {
            Some(verdict) => verdict,
            None => load(program_mut(self.ebpf, name)?, point, tier, self.btf),
        };
        verdict.map_err(|error| Refusal::of(&error))
    }

    /// Lets the hook on system calls call the handler of an act, and the second
    /// hook its copy.
    fn handle(&mut self, act: SyscallAct, tier: Tier) -> Result<String, Refusal> {
        let name = Point::Syscall(act).program(tier);
        let slot = u32::from(act as u8);
        let first = self.load_handler(act, &name, tier)?;
        let refused = |error: MapError| Refusal::Refused(chain(&error));
        self.handlers.first.set(slot, &first, 0).map_err(refused)?;
        if preempts_in_tracepoints() {
            let second = self.load_handler(act, &format!("{name}{SECOND_PROGRAM}"), tier)?;
            self.handlers
                .second
                .set(slot, &second, 0)
                .map_err(refused)?;
        }
        Ok(format!("sys_exit/{name}"))
    }

    fn load_handler(
        &mut self,
        act: SyscallAct,
        name: &str,
        tier: Tier,
    ) -> Result<ProgramFd, Refusal> {
        self.load(name, Point::Syscall(act), tier)?;
        program_mut(self.ebpf, name)?
            .fd()
            .and_then(|descriptor| descriptor.try_clone().map_err(ProgramError::IOError))
            .map_err(|error| Refusal::of(&error))
    }
}

/// Attaches a loaded program to the root of the v2 hierarchy, mounted or not: every
/// process is below it, whatever hierarchies its controllers are on.
fn to_root_cgroup(program: &mut CgroupSock) -> Result<FdLink, ProgramError> {
    let root = root_cgroup().map_err(|error| ProgramError::IOError(error.into()))?;
    // Links are always beside others (`cgroup_bpf_link_attach`, `kernel/bpf/cgroup.c`):
    // the mode is for kernels without them.
    let link = program.attach(root, CgroupAttachMode::Single)?;
    // Kernels before 5.7 have no links, and none of the other hooks either.
    FdLink::try_from(program.take_link(link)?)
        .map_err(|error| ProgramError::IOError(io::Error::other(error)))
}

fn root_cgroup() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let mount = fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(&mount, ".", flags, Mode::empty())
}

/// Whether the kernel may preempt a task inside of a tracepoint's programs, and
/// then skips what was preempted for others.
fn preempts_in_tracepoints() -> bool {
    kernel_at_least(6, 19)
}

/// A program of the object.
pub(super) fn program_mut<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Program, Refusal> {
    ebpf.program_mut(name)
        .ok_or_else(|| Refusal::Refused(format!("the eBPF object has no program {name}")))
}

/// Has the kernel verify and keep the program of a point, unless it did so
/// before; the name of the function or tracepoint that it is for.
pub(super) fn load(
    program: &mut Program,
    point: Point,
    tier: Tier,
    btf: &Btf,
) -> Result<Cow<'static, str>, ProgramError> {
    let mut outcome = Err(ProgramError::UnexpectedProgramType);
    for function in point.functions(tier) {
        let result = match &mut *program {
            Program::Lsm(program) => program.load(&function, btf),
            Program::FEntry(program) => program.load(&function, btf),
            Program::FExit(program) => program.load(&function, btf),
            Program::BtfTracePoint(program) => program.load(&function, btf),
            Program::CgroupSock(program) => program.load(),
            _ => return Err(ProgramError::UnexpectedProgramType),
        };
        outcome = match result {
            Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(function),
            Err(error) => Err(error),
        };
        let not_there = matches!(
            outcome,
            Err(ProgramError::Btf(BtfError::UnknownBtfTypeName { .. }))
        );
        if !not_there {
            break;
        }
    }
    outcome
}
