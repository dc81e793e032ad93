//! The features, one row each: name, unit, transform, clip, meaning, source.
//!
//! A change here is a change of the schema: raise [`super::Schema::VERSION`]
//! and train anew.

use sensor_common::StdioKind;

use super::{
    Context, Feature, Moment,
    Transform::{Identity, LogOnePlus},
    Unit::{self, Bits, Bytes, Flag, Ratio, Recent, Seconds},
    schema::{Raw, Transform},
};
use crate::state::{Count, Image, PathClass};

/// Number of features.
pub const COUNT: usize = WRITTEN_OUT.len() + 2 * Count::ALL.len();

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
        raw: Raw::Of(raw),
    }
}

const fn flag(name: &'static str, meaning: &'static str, raw: fn(&Context<'_>) -> f32) -> Feature {
    feature(name, Flag, Identity, 1.0, meaning, raw)
}

const fn count(name: &'static str, meaning: &'static str, raw: fn(&Context<'_>) -> f32) -> Feature {
    feature(name, Unit::Count, LogOnePlus, 10.0, meaning, raw)
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

const ALL_WORDS: &str = "args.words";
const WORST_PART: &str = "args.worst_part";

const fn of_vocabulary(name: &'static str, meaning: &'static str) -> Feature {
    Feature {
        name,
        unit: Ratio,
        transform: Identity,
        clip: 1.0,
        meaning,
        raw: Raw::Vocabulary,
    }
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

fn own(context: &Context<'_>, count: Count) -> u32 {
    context.process.own.count(count, context.now)
}

/// `part / whole`, zero for nothing.
fn part(part: u32, whole: u32) -> f32 {
    share(part, whole.saturating_sub(part))
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

/// Features with a source of their own.
#[rustfmt::skip]
const WRITTEN_OUT: &[Feature] = &[
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
    feature("exe.age", Seconds, LogOnePlus, 8.2, "age of the executable's inode, an hour at most", exe_age),
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
    flag("exe.other_name", "it was started under another name than its file's",
        |c| of_image(c, Image::has_other_name)),
    flag("script.in_temporary", "the script that it interprets lies in a temporary directory",
        |c| of_image(c, |i| i.script == Some(PathClass::Temporary))),
    flag("script.in_system", "the script lies with the system's programs",
        |c| of_image(c, |i| i.script == Some(PathClass::Program))),
    flag("cwd.in_temporary", "it was started in a temporary directory",
        |c| of_image(c, |i| PathClass::of_directory(&i.cwd) == PathClass::Temporary)),
    flag("exe.from_tree", "the executable was just written by a relative",
        |c| f32::from(c.process.executable_from_tree)),
    count("exe.seen", "times the executable had run before",
        |c| c.process.executable_seen as f32),
    count("exe.pair_seen", "times it had run below this parent's program",
        |c| c.process.pair_seen as f32),

    flag("user.root", "effective user is root",
        |c| of_image(c, |i| i.facts.euid == 0)),
    flag("user.service", "effective user is a service's (below 1000)",
        |c| of_image(c, |i| (1..1000).contains(&i.facts.euid))),
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
    count("args.options", "arguments that begin with a hyphen", |c| c.arguments().options),
    count("args.pipes", "pipe signs", |c| c.arguments().pipes),
    count("args.redirections", "angle brackets", |c| c.arguments().redirections),
    count("args.temporary_paths", "paths of temporary files",
        |c| c.arguments().places.temporary),
    count("args.starting_paths", "paths of what makes programs start by themselves",
        |c| c.arguments().places.starting),
    count("args.rights_paths", "paths of accounts, rights and keys",
        |c| c.arguments().places.rights),
    count("args.configuration_paths", "paths of other system configuration",
        |c| c.arguments().places.configuration),
    count("args.past_paths", "paths of logs and histories", |c| c.arguments().places.past),
    count("args.kernel_paths", "paths below /proc, /sys and /dev",
        |c| c.arguments().places.kernel),
    count("args.program_paths", "paths of system programs and libraries",
        |c| c.arguments().places.program),
    count("args.home_paths", "paths in homes", |c| c.arguments().places.home),
    count("args.hidden_paths", "paths with a part that begins with a dot",
        |c| c.arguments().places.hidden),
    of_vocabulary(ALL_WORDS, "how much its words are those of attacks, by the model's vocabulary"),
    of_vocabulary(WORST_PART, "the same of the command in the arguments that has the most of it"),
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
        |c| c.parent.map_or(0.0, |p| p.own.count(Count::Forks, c.now) as f32)),
    recent("parent.children_execs", "programs run below the parent of late",
        |c| c.parent.map_or(0.0, |p| p.descendants.exec_rate.value(c.now))),
    feature("process.age", Seconds, LogOnePlus, 20.0, "time since it ran its program",
        |c| c.now.since(c.process.exec_at).as_secs_f32()),


    count("own.notable_kinds", "kinds of acts, rare in ordinary programs, that it performed",
        |c| c.process.own.notable_kinds(c.now) as f32),
    count("own.directories", "directories it wrote to", |c| c.process.own.directories(c.now)),
    count("own.peers", "remote addresses it tried", |c| c.process.own.peers(c.now)),
    count("own.ports", "remote ports it tried", |c| c.process.own.ports(c.now)),
    count("own.names", "names it asked DNS for", |c| c.process.own.names(c.now)),
    feature("own.longest_name", Bytes, LogOnePlus, 10.0, "length of the longest of them",
        |c| f32::from(c.process.own.longest_name(c.now))),
    ratio("own.removal_share", "share of removals among its file acts",
        |c| share(own(c, Count::Unlinks), own(c, Count::Opens))),
    ratio("own.failure_share", "share of failed connections",
        |c| part(own(c, Count::FailedConnects), own(c, Count::Connects))),
    recent("own.open_rate", "files it opened for writing within ten seconds",
        |c| c.process.own.open_rate.value(c.now)),
    recent("own.open_burst", "files it opened for writing within a second",
        |c| c.process.own.open_rate.burst(c.now)),
    recent("own.removal_rate", "names it removed or moved within ten seconds",
        |c| c.process.own.removal_rate.value(c.now)),
    recent("own.removal_burst", "names it removed or moved within a second",
        |c| c.process.own.removal_rate.burst(c.now)),
    recent("own.connect_rate", "connections it attempted within ten seconds",
        |c| c.process.own.connect_rate.value(c.now)),
    recent("own.connect_burst", "connections it attempted within a second",
        |c| c.process.own.connect_rate.burst(c.now)),
    count("tree.notable_kinds",
        "kinds of acts, rare in ordinary programs, that its descendants performed",
        |c| c.process.descendants.notable_kinds(c.now) as f32),
    count("tree.directories", "directories its descendants wrote to",
        |c| c.process.descendants.directories(c.now)),
    count("tree.peers", "remote addresses its descendants tried",
        |c| c.process.descendants.peers(c.now)),
    count("tree.ports", "remote ports its descendants tried",
        |c| c.process.descendants.ports(c.now)),
    recent("tree.open_rate", "files its descendants opened for writing within ten seconds",
        |c| c.process.descendants.open_rate.value(c.now)),
    recent("tree.removal_rate", "names its descendants removed or moved within ten seconds",
        |c| c.process.descendants.removal_rate.value(c.now)),
    recent("tree.connect_rate", "connections its descendants attempted within ten seconds",
        |c| c.process.descendants.connect_rate.value(c.now)),
    recent("tree.exec_rate", "programs its descendants ran within ten seconds",
        |c| c.process.descendants.exec_rate.value(c.now)),
    recent("tree.exec_burst", "programs its descendants ran within a second",
        |c| c.process.descendants.exec_rate.burst(c.now)),
];

/// What it counted, and what its descendants did of the same, follow the features
/// that are written out, in the order of [`Count::ALL`].
const fn with_counts() -> [Feature; COUNT] {
    let counts = Count::ALL.len();
    let written_out = WRITTEN_OUT.len();
    let mut all = [WRITTEN_OUT[0]; COUNT];
    let mut index = 0;
    while index < COUNT {
        all[index] = if index < written_out {
            WRITTEN_OUT[index]
        } else if index < written_out + counts {
            let at = index - written_out;
            counted(
                Count::OWN[at],
                Count::OWN_MEANINGS[at],
                Raw::Own(Count::ALL[at]),
            )
        } else {
            let at = index - written_out - counts;
            counted(
                Count::TREE[at],
                Count::TREE_MEANINGS[at],
                Raw::Tree(Count::ALL[at]),
            )
        };
        index += 1;
    }
    all
}

const fn counted(name: &'static str, meaning: &'static str, raw: Raw) -> Feature {
    Feature {
        name,
        unit: Unit::Count,
        transform: LogOnePlus,
        clip: 10.0,
        meaning,
        raw,
    }
}

/// Where what all words are worth stands in a row.
pub const WORDS: usize = place_of_vocabulary(0);

/// Where what the worst part of the arguments is worth stands in a row.
pub const PARTS: usize = place_of_vocabulary(1);

/// The place of the first feature, or of the next ones, that a vocabulary writes.
const fn place_of_vocabulary(mut before: usize) -> usize {
    let mut index = 0;
    loop {
        if matches!(WRITTEN_OUT[index].raw, Raw::Vocabulary) {
            if before == 0 {
                return index;
            }
            before -= 1;
        }
        index += 1;
    }
}

/// Every feature, in the order of the model's input.
pub const FEATURES: &[Feature] = &with_counts();
