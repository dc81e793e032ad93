use std::{cell::OnceCell, sync::LazyLock};

use sensor_common::StdioKind;

use crate::{
    capture::BootTime,
    event::ProcessId,
    state::{ArgumentShape, Image, PathClass, Process, ProcessTable},
};

/// Why a process is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// It has just run a program.
    Exec,
    /// It, or its descendants, did something of note.
    Behaviour,
}

impl Moment {
    /// The name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Behaviour => "behaviour",
        }
    }
}

/// Everything that a feature may look at.
pub struct Context<'a> {
    /// Why now.
    pub moment: Moment,
    /// Time of the event that led here.
    pub now: BootTime,
    /// Wall-clock seconds at `now`.
    pub unix_seconds: i64,
    /// The process.
    pub process: &'a Process,
    /// Its parent.
    pub parent: Option<&'a Process>,
    /// What its ancestors have in common.
    pub lineage: Lineage,
    /// Records were lost within the last seconds: blind is not quiet.
    pub recent_loss: bool,
    exe_class: OnceCell<Option<PathClass>>,
}

/// Facts gathered over a process's ancestors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each by its name"
)]
pub struct Lineage {
    /// Ancestors known, at most 16.
    pub depth: u32,
    /// An ancestor listens on a socket.
    pub listening: bool,
    /// An ancestor connected to another address.
    pub connected: bool,
    /// An ancestor's standard input is a socket.
    pub socket_input: bool,
    /// An ancestor's executable is in memory, deleted, or came from the tree.
    pub odd_executable: bool,
    /// An ancestor has a terminal as its standard input.
    pub terminal: bool,
}

impl<'a> Context<'a> {
    /// Gathers what is known of `id`; `None` when nothing is.
    #[must_use]
    pub fn new(
        table: &'a ProcessTable,
        id: ProcessId,
        moment: Moment,
        now: BootTime,
        unix_seconds: i64,
        recent_loss: bool,
    ) -> Option<Self> {
        let process = table.get(id)?;
        let mut lineage = Lineage::default();
        for ancestor in table.ancestors(id) {
            lineage.depth += 1;
            lineage.listening |= ancestor.own.listened;
            lineage.connected |= ancestor.own.connected;
            lineage.odd_executable |= ancestor.executable_from_tree;
            if let Some(image) = &ancestor.image {
                lineage.socket_input |= image.facts.stdio[0] == StdioKind::Socket;
                lineage.terminal |= image.facts.stdio[0] == StdioKind::CharacterDevice;
                lineage.odd_executable |= image.facts.memfd || image.facts.deleted;
            }
        }
        Some(Self {
            moment,
            now,
            unix_seconds,
            process,
            parent: process.parent.and_then(|parent| table.get(parent)),
            lineage,
            recent_loss,
            exe_class: OnceCell::new(),
        })
    }

    /// The program it runs.
    #[must_use]
    pub fn image(&self) -> Option<&'a Image> {
        self.process.image.as_deref()
    }

    /// The program its parent runs.
    #[must_use]
    pub fn parent_image(&self) -> Option<&'a Image> {
        self.parent.and_then(|parent| parent.image.as_deref())
    }

    /// Shape of its arguments.
    pub(super) fn arguments(&self) -> &ArgumentShape {
        static NOTHING: LazyLock<ArgumentShape> = LazyLock::new(ArgumentShape::default);
        self.image().map_or(&NOTHING, Image::shape)
    }

    /// Where its executable lies, looked up once.
    pub(super) fn exe_class(&self) -> Option<PathClass> {
        *self
            .exe_class
            .get_or_init(|| self.image().map(|image| PathClass::of(&image.exe)))
    }
}
