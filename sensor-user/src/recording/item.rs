//! What a recording is a list of.

mod kernel;
mod notice;
mod process;

use super::bytes::{Malformed, Taker, put_number, put_signed, put_string};
use crate::{
    capture::{BootTime, FoundCgroup, KernelLosses, NoticedAct, ScannedCgroup, ScannedProcess},
    event::{ProcessId, Reads, Tgid, Unrecorded},
};
use sensor_common::RecordKind;

/// Something that the pipeline took in, or was told when it asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// It took this in.
    Input(Input<'a>),
    /// It asked for this while it took in the input before.
    Answer(Answer<'a>),
}

/// Something that the pipeline takes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<'a> {
    /// A cgroup that was there before the sensor.
    Cgroup(ScannedCgroup),
    /// A process that was there before the sensor.
    Process(Box<ScannedProcess>),
    /// All processes that were there have been told.
    Scanned,
    /// A record from a ring, as it was.
    Record(&'a [u8]),
    /// A notification of a file.
    Notice {
        /// When it was looked at.
        time: BootTime,
        /// Who acted.
        tgid: Tgid,
        /// What was done.
        act: NoticedAct<'a>,
    },
    /// A second went by.
    Tick(Box<Tick>),
    /// The numbers of all processes' acts without a record were read.
    Reading,
}

/// What is read once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub time: BootTime,
    /// Nanoseconds that the wall clock is ahead of the boot clock.
    pub clock_ahead: i64,
    /// Notices of files that were lost since the start.
    pub file_notices_lost: u64,
    /// What the kernel side lost, and its accounting.
    pub losses: KernelLosses,
}

/// What the machine said when the pipeline asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Where a directory leads.
    Directory {
        /// The directory.
        asked: &'a [u8],
        /// Where it leads, if that could be found out.
        led_to: Option<&'a [u8]>,
    },
    /// Which cgroup has an id.
    Cgroup {
        /// The id.
        id: u64,
        /// The cgroup.
        found: FoundCgroup,
    },
    /// What a process did without a record.
    Unrecorded(Unrecorded),
    /// What a process opened only to read it.
    Reads(Reads),
}

/// First byte of an item. Answers have the highest bit.
mod tag {
    pub(super) const CGROUP: u8 = 1;
    pub(super) const PROCESS: u8 = 2;
    pub(super) const SCANNED: u8 = 3;
    pub(super) const RECORD: u8 = 4;
    pub(super) const NOTICE: u8 = 5;
    pub(super) const TICK: u8 = 6;
    pub(super) const READING: u8 = 7;
    pub(super) const ANSWER: u8 = 0x80;
    pub(super) const DIRECTORY: u8 = ANSWER | 1;
    pub(super) const FOUND_CGROUP: u8 = ANSWER | 2;
    pub(super) const UNRECORDED: u8 = ANSWER | 3;
    pub(super) const READS: u8 = ANSWER | 4;
}

/// Whether an item that begins with this byte is an answer.
pub(super) const fn is_answer(first: u8) -> bool {
    first & tag::ANSWER != 0
}

impl Input<'_> {
    /// Appends it.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cgroup(ScannedCgroup { id, path }) => {
                out.push(tag::CGROUP);
                put_number(out, *id);
                put_string(out, path);
            }
            Self::Process(scanned) => {
                out.push(tag::PROCESS);
                process::put(out, scanned);
            }
            Self::Scanned => out.push(tag::SCANNED),
            Self::Record(record) => {
                out.push(tag::RECORD);
                put_string(out, record);
            }
            Self::Notice { time, tgid, act } => {
                out.push(tag::NOTICE);
                put_number(out, time.0);
                put_number(out, tgid.0.into());
                notice::put(out, act);
            }
            Self::Tick(tick) => {
                let Tick {
                    time,
                    clock_ahead,
                    file_notices_lost,
                    losses,
                } = &**tick;
                out.push(tag::TICK);
                put_number(out, time.0);
                put_signed(out, *clock_ahead);
                put_number(out, *file_notices_lost);
                kernel::put(out, losses);
            }
            Self::Reading => out.push(tag::READING),
        }
    }
}

impl Answer<'_> {
    /// Appends it.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Directory { asked, led_to } => {
                out.push(tag::DIRECTORY);
                put_string(out, asked);
                out.push(u8::from(led_to.is_some()));
                if let Some(led_to) = led_to {
                    put_string(out, led_to);
                }
            }
            Self::Cgroup { id, found } => {
                out.push(tag::FOUND_CGROUP);
                put_number(out, *id);
                match found {
                    FoundCgroup::Unknown => out.push(0),
                    FoundCgroup::Gone => out.push(1),
                    FoundCgroup::Path(path) => {
                        out.push(2);
                        put_string(out, path);
                    }
                }
            }
            Self::Unrecorded(Unrecorded {
                process,
                kind,
                count,
                since,
                until,
            }) => {
                out.push(tag::UNRECORDED);
                put_process(out, *process);
                put_number(out, kind.tag().into());
                put_number(out, *count);
                put_number(out, since.0);
                put_number(out, until.0);
            }
            Self::Reads(Reads {
                process,
                files,
                directories,
            }) => {
                out.push(tag::READS);
                put_process(out, *process);
                put_number(out, *files);
                put_number(out, *directories);
            }
        }
    }
}

impl<'a> Item<'a> {
    /// Takes an item off the bytes.
    pub(super) fn take(from: &mut Taker<'a>) -> Result<Self, Malformed> {
        let input = match from.byte()? {
            tag::RECORD => Input::Record(from.string()?),
            tag::CGROUP => Input::Cgroup(ScannedCgroup {
                id: from.number()?,
                path: from.string()?.to_vec(),
            }),
            tag::PROCESS => Input::Process(Box::new(process::take(from)?)),
            tag::SCANNED => Input::Scanned,
            tag::NOTICE => Input::Notice {
                time: BootTime(from.number()?),
                tgid: Tgid(from.narrow()?),
                act: notice::take(from)?,
            },
            tag::TICK => Input::Tick(Box::new(Tick {
                time: BootTime(from.number()?),
                clock_ahead: from.signed()?,
                file_notices_lost: from.number()?,
                losses: kernel::take(from)?,
            })),
            tag::READING => Input::Reading,
            tag::DIRECTORY => {
                let asked = from.string()?;
                let led_to = from.flag()?.then(|| from.string()).transpose()?;
                return Ok(Self::Answer(Answer::Directory { asked, led_to }));
            }
            tag::FOUND_CGROUP => {
                let id = from.number()?;
                let found = match from.byte()? {
                    0 => FoundCgroup::Unknown,
                    1 => FoundCgroup::Gone,
                    2 => FoundCgroup::Path(from.string()?.to_vec()),
                    _ => return Err(Malformed),
                };
                return Ok(Self::Answer(Answer::Cgroup { id, found }));
            }
            tag::UNRECORDED => {
                return Ok(Self::Answer(Answer::Unrecorded(Unrecorded {
                    process: take_process(from)?,
                    kind: take_kind(from)?,
                    count: from.number()?,
                    since: BootTime(from.number()?),
                    until: BootTime(from.number()?),
                })));
            }
            tag::READS => {
                return Ok(Self::Answer(Answer::Reads(Reads {
                    process: take_process(from)?,
                    files: from.number()?,
                    directories: from.number()?,
                })));
            }
            _ => return Err(Malformed),
        };
        Ok(Self::Input(input))
    }
}

fn put_process(out: &mut Vec<u8>, process: ProcessId) {
    put_number(out, process.tgid.0.into());
    put_number(out, process.start.0);
}

fn take_process(from: &mut Taker<'_>) -> Result<ProcessId, Malformed> {
    Ok(ProcessId {
        tgid: Tgid(from.narrow()?),
        start: BootTime(from.number()?),
    })
}

fn take_kind(from: &mut Taker<'_>) -> Result<RecordKind, Malformed> {
    RecordKind::from_tag(from.narrow()?).ok_or(Malformed)
}
