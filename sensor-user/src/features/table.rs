//! The features, one row each: name, unit, transform, clip, meaning, source.
//!
//! A change here is a change of the schema: raise [`super::Schema::VERSION`]
//! and train anew.

use sensor_common::StdioKind;

use super::{
    Context, Feature, Moment,
    Transform::{Identity, LogOnePlus},
    Unit::{self, Bits, Bytes, Count, Flag, Ratio, Recent, Seconds},
    schema::Transform,
};
use crate::state::{Image, PathClass};

/// Number of features.
pub const COUNT: usize = FEATURES.len();

const fn feature(
    name: &'static str,
    unit: Unit,
    transform: Transform,
    clip: f32,
    meaning: &'static str,
    raw: fn(&Context<'_>) -> f32,
) -> Feature {
    Feature {
        name,
        unit,
        transform,
        clip,
        meaning,
        raw,
    }
}

const fn flag(name: &'static str, meaning: &'static str, raw: fn(&Context<'_>) -> f32) -> Feature {
    feature(name, Flag, Identity, 1.0, meaning, raw)
}

const fn count(name: &'static str, meaning: &'static str, raw: fn(&Context<'_>) -> f32) -> Feature {
    feature(name, Count, LogOnePlus, 10.0, meaning, raw)
}

const fn recent(
    name: &'static str,
    meaning: &'static str,
    raw: fn(&Context<'_>) -> f32,
) -> Feature {
    feature(name, Recent, LogOnePlus, 10.0, meaning, raw)
}

const fn ratio(name: &'static str, meaning: &'static str, raw: fn(&Context<'_>) -> f32) -> Feature {
    feature(name, Ratio, Identity, 1.0, meaning, raw)
}

fn of_image(context: &Context<'_>, fact: impl Fn(&Image) -> bool) -> f32 {
    f32::from(context.image().is_some_and(fact))
}

fn of_parent(context: &Context<'_>, fact: impl Fn(&Image) -> bool) -> f32 {
    f32::from(context.parent_image().is_some_and(fact))
}

fn stream(context: &Context<'_>, descriptor: usize, kind: StdioKind) -> f32 {
    of_image(context, |image| {
        image.facts.stdio.get(descriptor) == Some(&kind)
    })
}

fn exe_class(context: &Context<'_>, class: PathClass) -> f32 {
    f32::from(context.exe_class() == Some(class))
}

/// Seconds since the executable's inode last changed.
fn exe_age(context: &Context<'_>) -> f32 {
    let age = |image: &Image| context.unix_seconds.saturating_sub(image.facts.change_time);
    context
        .image()
        .map_or(0.0, |image| age(image).max(0) as f32)
}

/// `part / (part + rest)`, zero for nothing.
fn share(part: u32, rest: u32) -> f32 {
    let whole = part.saturating_add(rest);
    if whole == 0 {
        0.0
    } else {
        part as f32 / whole as f32
    }
}

/// Every feature, in the order of the model's input.
#[rustfmt::skip]
pub const FEATURES: &[Feature] = &[
    flag("moment.behaviour", "looked at for what it did, not for its start",
        |c| f32::from(c.moment == Moment::Behaviour)),
    flag("sensor.recent_loss", "records were lost lately",
        |c| f32::from(c.recent_loss)),

    flag("exe.memfd", "runs from memory, without a file",
        |c| of_image(c, |i| i.facts.memfd)),
    flag("exe.deleted", "runs a file whose name was removed",
        |c| of_image(c, |i| i.facts.deleted)),
    flag("exe.tmpfs", "runs from a memory-backed file system",
        |c| of_image(c, |i| i.facts.tmpfs)),
    flag("exe.interpreted", "a script",
        |c| of_image(c, |i| i.facts.interpreted)),
    feature("exe.age", Seconds, LogOnePlus, 20.0, "age of the executable's inode", exe_age),
    flag("exe.owner_root", "the executable belongs to root",
        |c| of_image(c, |i| i.facts.owner == 0)),
    flag("exe.setid", "the executable carries a set-id bit",
        |c| of_image(c, |i| i.facts.mode & 0o6000 != 0)),
    flag("exe.others_write", "anybody may change the executable",
        |c| of_image(c, |i| i.facts.mode & 0o002 != 0)),
    flag("exe.hidden", "a part of the executable's path begins with a dot",
        |c| of_image(c, |i| i.exe.windows(2).any(|pair| pair == b"/."))),
    flag("exe.in_system", "the executable lies with the system's programs",
        |c| exe_class(c, PathClass::Program)),
    flag("exe.in_temporary", "the executable lies in a temporary directory",
        |c| exe_class(c, PathClass::Temporary)),
    flag("exe.in_home", "the executable lies in somebody's home",
        |c| exe_class(c, PathClass::Home).max(exe_class(c, PathClass::HiddenHome))),
    flag("exe.from_tree", "the executable was just written by a relative",
        |c| f32::from(c.process.executable_from_tree)),
    count("exe.seen", "times the executable had run before",
        |c| c.process.executable_seen as f32),
    count("exe.pair_seen", "times it had run below this parent's program",
        |c| c.process.pair_seen as f32),

    flag("user.root", "effective user is root",
        |c| of_image(c, |i| i.facts.euid == 0)),
    flag("user.raised", "real and effective user differ",
        |c| of_image(c, |i| i.facts.uid != i.facts.euid)),

    flag("stdin.pipe", "standard input is a pipe", |c| stream(c, 0, StdioKind::Pipe)),
    flag("stdin.socket", "standard input is a socket", |c| stream(c, 0, StdioKind::Socket)),
    flag("stdin.file", "standard input is a file", |c| stream(c, 0, StdioKind::File)),
    flag("stdin.terminal", "standard input is a terminal or another device",
        |c| stream(c, 0, StdioKind::CharacterDevice)),
    flag("stdout.pipe", "standard output is a pipe", |c| stream(c, 1, StdioKind::Pipe)),
    flag("stdout.socket", "standard output is a socket", |c| stream(c, 1, StdioKind::Socket)),
    flag("stdout.file", "standard output is a file", |c| stream(c, 1, StdioKind::File)),
    flag("stderr.socket", "standard error is a socket", |c| stream(c, 2, StdioKind::Socket)),

    count("args.count", "number of arguments", |c| c.arguments().count),
    feature("args.bytes", Bytes, LogOnePlus, 12.0, "length of the arguments",
        |c| c.arguments().bytes),
    feature("args.longest", Bytes, LogOnePlus, 12.0, "length of the longest argument",
        |c| c.arguments().longest),
    feature("args.entropy", Bits, Identity, 8.0, "entropy of the arguments",
        |c| c.arguments().entropy),
    feature("args.longest_entropy", Bits, Identity, 8.0, "entropy of the longest argument",
        |c| c.arguments().longest_entropy),
    count("args.shell_operators", "characters with a meaning to a shell",
        |c| c.arguments().shell_operators),
    count("args.statements", "statements in the arguments", |c| c.arguments().statements),
    ratio("args.digits", "share of digits", |c| c.arguments().digits),
    ratio("args.upper_case", "share of upper case", |c| c.arguments().upper_case),
    feature("args.encoded_run", Bytes, LogOnePlus, 12.0, "longest stretch of encoded-looking text",
        |c| c.arguments().encoded_run),
    count("args.escapes", "escaped bytes", |c| c.arguments().escapes),
    count("args.addresses", "network addresses in the arguments", |c| c.arguments().addresses),
    count("args.ports", "port-like numbers in the arguments", |c| c.arguments().ports),
    count("args.locators", "locators (name://) in the arguments", |c| c.arguments().locators),
    count("args.absolute_paths", "absolute paths in the arguments",
        |c| c.arguments().absolute_paths),
    flag("args.none", "the program was given no arguments at all",
        |c| f32::from(c.arguments().count < 0.5)),

    count("lineage.depth", "known ancestors", |c| c.lineage.depth as f32),
    flag("lineage.listening", "an ancestor serves the network",
        |c| f32::from(c.lineage.listening)),
    flag("lineage.connected", "an ancestor connected out",
        |c| f32::from(c.lineage.connected)),
    flag("lineage.socket_input", "an ancestor reads its input from a socket",
        |c| f32::from(c.lineage.socket_input)),
    flag("lineage.odd_executable", "an ancestor's executable is in memory, removed or just written",
        |c| f32::from(c.lineage.odd_executable)),
    flag("lineage.terminal", "an ancestor has a terminal",
        |c| f32::from(c.lineage.terminal)),
    flag("parent.same_program", "the parent runs the same executable",
        |c| of_parent(c, |p| c.image().is_some_and(|i| i.facts.file == p.facts.file))),
    flag("parent.interpreted", "the parent is a script",
        |c| of_parent(c, |p| p.facts.interpreted)),
    flag("parent.in_temporary", "the parent's executable lies in a temporary directory",
        |c| of_parent(c, |p| PathClass::of(&p.exe) == PathClass::Temporary)),
    flag("parent.other_user", "the parent runs as another user",
        |c| of_parent(c, |p| c.image().is_some_and(|i| i.facts.euid != p.facts.euid))),
    count("parent.forks", "children the parent has had",
        |c| c.parent.map_or(0.0, |p| p.own.forks as f32)),
    recent("parent.children_execs", "programs run below the parent of late",
        |c| c.parent.map_or(0.0, |p| p.descendants.exec_rate.value(c.now))),
    feature("process.age", Seconds, LogOnePlus, 20.0, "time since it ran its program",
        |c| c.now.since(c.process.exec_at).as_secs_f32()),

    count("own.opens", "files it opened for writing", |c| c.process.own.opens as f32),
    count("own.creates", "files it created", |c| c.process.own.creates as f32),
    count("own.unlinks", "names it removed", |c| c.process.own.unlinks as f32),
    count("own.renames", "names it moved", |c| c.process.own.renames as f32),
    count("own.suffix_renames", "files it gave another suffix",
        |c| c.process.own.suffix_renames as f32),
    count("own.executable_chmods", "files it made executable",
        |c| c.process.own.executable_chmods as f32),
    count("own.setid_chmods", "files it gave a set-id bit",
        |c| c.process.own.setid_chmods as f32),
    count("own.configuration_writes", "system configuration it wrote",
        |c| c.process.own.configuration_writes as f32),
    count("own.program_writes", "system programs and libraries it wrote",
        |c| c.process.own.program_writes as f32),
    count("own.temporary_writes", "temporary files it wrote",
        |c| c.process.own.temporary_writes as f32),
    count("own.hidden_home_writes", "hidden files in homes it wrote",
        |c| c.process.own.hidden_home_writes as f32),
    count("own.hidden_creates", "hidden files it created",
        |c| c.process.own.hidden_creates as f32),
    count("own.log_removals", "logs it removed or emptied",
        |c| c.process.own.log_removals as f32),
    count("own.directories", "directories it wrote to",
        |c| c.process.own.directories.estimate()),
    ratio("own.removal_share", "share of removals among its file acts",
        |c| share(c.process.own.unlinks, c.process.own.opens)),
    recent("own.open_rate", "files it opened for writing of late",
        |c| c.process.own.open_rate.value(c.now)),
    recent("own.removal_rate", "names it removed or moved of late",
        |c| c.process.own.removal_rate.value(c.now)),
    count("own.connects", "connections it attempted", |c| c.process.own.connects as f32),
    ratio("own.failed_connects", "share of failed connections",
        |c| share(c.process.own.failed_connects,
            c.process.own.connects.saturating_sub(c.process.own.failed_connects))),
    count("own.unix_connects", "local sockets it connected to",
        |c| c.process.own.unix_connects as f32),
    count("own.peers", "remote addresses it tried", |c| c.process.own.peers.estimate()),
    count("own.ports", "remote ports it tried", |c| c.process.own.ports.estimate()),
    recent("own.connect_rate", "connections it attempted of late",
        |c| c.process.own.connect_rate.value(c.now)),
    count("own.listens", "sockets it listens on", |c| c.process.own.listens as f32),
    count("own.accepts", "connections it accepted", |c| c.process.own.accepts as f32),
    count("own.forks", "children it has had", |c| c.process.own.forks as f32),

    count("tree.opens", "files its descendants opened for writing",
        |c| c.process.descendants.opens as f32),
    count("tree.creates", "files its descendants created",
        |c| c.process.descendants.creates as f32),
    count("tree.unlinks", "names its descendants removed",
        |c| c.process.descendants.unlinks as f32),
    count("tree.renames", "names its descendants moved",
        |c| c.process.descendants.renames as f32),
    count("tree.suffix_renames", "files its descendants gave another suffix",
        |c| c.process.descendants.suffix_renames as f32),
    count("tree.executable_chmods", "files its descendants made executable",
        |c| c.process.descendants.executable_chmods as f32),
    count("tree.setid_chmods", "files its descendants gave a set-id bit",
        |c| c.process.descendants.setid_chmods as f32),
    count("tree.configuration_writes", "system configuration its descendants wrote",
        |c| c.process.descendants.configuration_writes as f32),
    count("tree.program_writes", "system programs its descendants wrote",
        |c| c.process.descendants.program_writes as f32),
    count("tree.hidden_home_writes", "hidden files in homes its descendants wrote",
        |c| c.process.descendants.hidden_home_writes as f32),
    count("tree.log_removals", "logs its descendants removed or emptied",
        |c| c.process.descendants.log_removals as f32),
    count("tree.directories", "directories its descendants wrote to",
        |c| c.process.descendants.directories.estimate()),
    count("tree.connects", "connections its descendants attempted",
        |c| c.process.descendants.connects as f32),
    count("tree.ports", "remote ports its descendants tried",
        |c| c.process.descendants.ports.estimate()),
    count("tree.listens", "sockets its descendants listen on",
        |c| c.process.descendants.listens as f32),
    count("tree.execs", "programs its descendants ran",
        |c| c.process.descendants.execs as f32),
    recent("tree.exec_rate", "programs its descendants ran of late",
        |c| c.process.descendants.exec_rate.value(c.now)),
    recent("tree.removal_rate", "names its descendants removed or moved of late",
        |c| c.process.descendants.removal_rate.value(c.now)),
];
