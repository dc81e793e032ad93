//! Files and cgroups that the kernel programs know by number, kept as they are
//! while names change.

use sensor_common::RecordKind;

use crate::{
    capture::{ExcludedCgroups, WatchMap},
    event::Act,
};

/// What the kernel programs know by number.
#[derive(Debug)]
pub(super) struct Known {
    watches: WatchMap,
    cgroups: ExcludedCgroups,
    /// Acts that were excluded so far.
    excluded: u64,
}

impl Known {
    pub(super) const fn new(watches: WatchMap, cgroups: ExcludedCgroups) -> Self {
        Self {
            watches,
            cgroups,
            excluded: 0,
        }
    }

    /// Takes in an act on these paths.
    pub(super) fn acted<'a>(&mut self, act: &Act<'_>, paths: impl Iterator<Item = &'a [u8]>) {
        for path in paths {
            self.watches.saw(path);
        }
        if let Act::CgroupCreate(cgroup) = act {
            self.cgroups.made(cgroup);
        }
    }

    /// Takes in acts of this kind whose paths are not known.
    pub(super) fn repeated(&mut self, kind: RecordKind) {
        if matches!(
            kind,
            RecordKind::FileOpen
                | RecordKind::FileUnlink
                | RecordKind::FileRename
                | RecordKind::FileLink
                | RecordKind::FileSymlink
                | RecordKind::FileMount
                | RecordKind::FileUnmount
        ) {
            self.watches.saw_names_change();
        }
    }

    /// What is due once a second. `excluded` acts were not told of since the start:
    /// one of them may have put another file in the place of a watched one.
    pub(super) fn tick(&mut self, excluded: u64) {
        if excluded != self.excluded {
            self.excluded = excluded;
            self.watches.saw_names_change();
        }
        self.refresh();
    }

    /// Looks up what was touched.
    pub(super) fn refresh(&mut self) {
        self.watches.refresh_if_touched();
    }
}
