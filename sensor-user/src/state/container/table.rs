use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use super::{Container, name::container_of};
use crate::{
    bound::non_zero,
    capture::{FindCgroup, FoundCgroup, ScannedCgroup},
    event::CgroupCreate,
};

/// Cgroups of which it is remembered whose they are; the least recently used is
/// forgotten. About 100 bytes each, and 200 for a container.
const CGROUPS: NonZeroUsize = non_zero(8_192);

/// Bytes of a path that the kernel puts into `cgroup.create` at most, the
/// ending zero included (`TRACE_CGROUP_PATH_LEN`, `kernel/cgroup/cgroup.c`): it
/// keeps the start.
const TRACED_PATH: usize = 1_024;

/// From ids of cgroups to containers.
///
/// A container is known from the making of its cgroup. A cgroup that is not
/// known, as its record was lost or it was forgotten, is looked for once; what
/// came of it is kept, for ids are not given out again. (The owner of a v1
/// hierarchy may rename a cgroup: here it keeps its first name.)
#[derive(Debug)]
pub struct ContainerTable {
    /// Number of the hierarchy that the ids are of.
    hierarchy: Option<u32>,
    /// `None` for a cgroup that is no container's.
    known: LruCache<u64, Option<Arc<Container>>>,
    finder: Option<Box<dyn FindCgroup>>,
}

impl ContainerTable {
    /// An empty table for cgroups of the hierarchy with this number. Without a
    /// finder unknown cgroups stay so.
    #[must_use]
    pub fn new(hierarchy: Option<u32>, finder: Option<Box<dyn FindCgroup>>) -> Self {
        Self {
            hierarchy,
            known: LruCache::new(CGROUPS),
            finder,
        }
    }

    /// Takes in cgroups that were there before the sensor.
    pub fn take_in(&mut self, scanned: &[ScannedCgroup]) {
        for cgroup in scanned {
            self.note(cgroup.id, &cgroup.path);
        }
    }

    /// Takes in a cgroup that was made.
    pub fn made(&mut self, cgroup: &CgroupCreate<'_>) {
        let whole = cgroup.path.len() < TRACED_PATH - 1;
        if whole && self.hierarchy == Some(cgroup.hierarchy) {
            self.note(cgroup.id, cgroup.path);
        }
    }

    /// Only containers are noted: the others, far more, are looked for when
    /// somebody acts in them.
    fn note(&mut self, id: u64, path: &[u8]) {
        if let Some(container) = container_of(path) {
            self.known.put(id, Some(Arc::new(container)));
        }
    }

    /// The container that a cgroup belongs to.
    pub fn of(&mut self, id: u64) -> Option<&Arc<Container>> {
        // Zero stands for a cgroup that could not be read.
        if id == 0 {
            return None;
        }
        if !self.known.contains(&id) {
            self.look_for(id);
        }
        self.known.get(&id)?.as_ref()
    }

    fn look_for(&mut self, id: u64) {
        let Some(finder) = &self.finder else { return };
        let container = match finder.find(id) {
            FoundCgroup::Path(path) => container_of(&path),
            FoundCgroup::Gone => None,
            FoundCgroup::Unknown => return,
        };
        self.known.put(id, container.map(Arc::new));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers from a list, and counts how often it was asked.
    #[derive(Clone, Debug, Default)]
    struct Finder {
        asked: Arc<Mutex<Vec<u64>>>,
        answers: Vec<(u64, FoundCgroup)>,
    }

    impl FindCgroup for Finder {
        fn find(&self, id: u64) -> FoundCgroup {
            self.asked.lock().unwrap().push(id);
            self.answers
                .iter()
                .find(|(known, _)| *known == id)
                .map_or(FoundCgroup::Gone, |(_, answer)| answer.clone())
        }
    }

    fn path(digit: &str) -> Vec<u8> {
        format!("/system.slice/docker-{}.scope", digit.repeat(64)).into_bytes()
    }

    fn table(finder: &Finder) -> ContainerTable {
        ContainerTable::new(Some(0), Some(Box::new(finder.clone())))
    }

    fn id_of(table: &mut ContainerTable, cgroup: u64) -> Option<String> {
        table.of(cgroup).map(|container| container.id.to_string())
    }

    #[test]
    fn scanned_and_made_containers_are_known_without_a_search() {
        let finder = Finder::default();
        let mut table = table(&finder);
        table.take_in(&[ScannedCgroup {
            id: 7,
            path: path("a"),
        }]);
        let made = CgroupCreate {
            id: 8,
            hierarchy: 0,
            path: &path("b"),
        };
        table.made(&made);
        assert_eq!(id_of(&mut table, 7), Some("a".repeat(64)));
        assert_eq!(id_of(&mut table, 8), Some("b".repeat(64)));
        assert!(finder.asked.lock().unwrap().is_empty());
    }

    #[test]
    fn other_hierarchies_have_other_ids() {
        let mut table = ContainerTable::new(Some(4), None);
        for hierarchy in [0, 3, 5] {
            table.made(&CgroupCreate {
                id: 9,
                hierarchy,
                path: &path("c"),
            });
        }
        assert_eq!(id_of(&mut table, 9), None);
        table.made(&CgroupCreate {
            id: 9,
            hierarchy: 4,
            path: &path("c"),
        });
        assert!(id_of(&mut table, 9).is_some());
    }

    #[test]
    fn an_unknown_cgroup_is_looked_for_once() {
        let finder = Finder {
            answers: vec![
                (5, FoundCgroup::Path(path("d"))),
                (6, FoundCgroup::Path(b"/init.scope".into())),
            ],
            ..Finder::default()
        };
        let mut table = table(&finder);
        for _ in 0..3 {
            assert_eq!(id_of(&mut table, 5), Some("d".repeat(64)));
            assert_eq!(id_of(&mut table, 6), None);
            assert_eq!(id_of(&mut table, 77), None);
            assert_eq!(id_of(&mut table, 0), None);
        }
        assert_eq!(*finder.asked.lock().unwrap(), [5, 6, 77]);
    }

    #[test]
    fn a_search_that_failed_is_repeated() {
        let finder = Finder {
            answers: vec![(5, FoundCgroup::Unknown)],
            ..Finder::default()
        };
        let mut table = table(&finder);
        for id in [5, 5, 6, 6] {
            assert_eq!(id_of(&mut table, id), None);
        }
        assert_eq!(*finder.asked.lock().unwrap(), [5, 5, 6]);
    }

    #[test]
    fn a_path_that_the_kernel_cut_is_looked_for() {
        let finder = Finder {
            answers: vec![(5, FoundCgroup::Path(path("e")))],
            ..Finder::default()
        };
        let mut table = table(&finder);
        let mut long = vec![b'x'; TRACED_PATH - 1 - path("f").len()];
        long[0] = b'/';
        long.extend(path("f"));
        table.made(&CgroupCreate {
            id: 5,
            hierarchy: 0,
            path: &long,
        });
        assert_eq!(id_of(&mut table, 5), Some("e".repeat(64)));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = ContainerTable::new(Some(0), None);
        for id in 1..=CGROUPS.get() as u64 + 1 {
            table.note(id, &path("a"));
        }
        assert_eq!(table.known.len(), CGROUPS.get());
        assert_eq!(id_of(&mut table, 1), None);
        assert!(id_of(&mut table, 2).is_some());
    }
}
