use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, LazyLock},
};

use super::{Behaviour, Container, ContainerTable, Image};
use crate::{
    capture::BootTime,
    event::{Credentials, ProcessId, Standing},
};

/// When a growing count is worth another look: whenever it grew by half since
/// the last look (at one, two, three, four, six, nine and so on), and when it
/// grew at all in a second. A flood of acts costs a logarithmic number of looks
/// and one a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    next: u32,
    looked_at: BootTime,
}

impl Pulse {
    /// Longest that a grown count goes unlooked at, in ns.
    const PATIENCE: u64 = 1_000_000_000;

    /// True when it is time for a look, which is then taken as done.
    pub fn reached(&mut self, count: u32, now: BootTime) -> bool {
        let overdue = now.0.saturating_sub(self.looked_at.0) >= Self::PATIENCE;
        if count == 0 || (count < self.next && !overdue) {
            return false;
        }
        self.next = count.saturating_add(count / 2).max(count.saturating_add(1));
        self.looked_at = now;
        true
    }
}

/// Credentials belong to a thread, not to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadCredentials {
    /// The thread, in the initial pid namespace.
    pub tid: u32,
    /// What it has.
    pub credentials: Credentials,
}

/// What descendants did. Most processes have none: they take no room for it.
#[derive(Clone, Debug, Default)]
pub struct Descendants(Option<Box<Behaviour>>);

impl Deref for Descendants {
    type Target = Behaviour;

    fn deref(&self) -> &Behaviour {
        static NOTHING: LazyLock<Behaviour> = LazyLock::new(Behaviour::default);
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Descendants {
    fn deref_mut(&mut self) -> &mut Behaviour {
        self.0.get_or_insert_default()
    }
}

/// One process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Number and start.
    pub id: ProcessId,
    /// Parent, while it is known.
    pub parent: Option<ProcessId>,
    /// With which rights and where it last acted; `None` until it does.
    pub standing: Option<Standing>,
    /// Container that it last acted in.
    pub container: Option<Arc<Container>>,
    /// All credentials of one of its threads, where they are known: only then
    /// can a change of them be told in full.
    pub credentials: Option<ThreadCredentials>,
    /// Program; `None` until one is known (a kernel thread has none).
    pub image: Option<Arc<Image>>,
    /// When it last ran a program; its start when it did not.
    pub exec_at: BootTime,
    /// When it ended.
    pub exited_at: Option<BootTime>,
    /// What it did itself.
    pub own: Behaviour,
    /// What its descendants did, down to [`Process::GATHERED_LEVELS`].
    pub descendants: Descendants,
    /// How often its executable had run before.
    pub executable_seen: u32,
    /// How often its executable had run below its parent's.
    pub pair_seen: u32,
    /// Its executable was lately written by itself, an ancestor or a child of
    /// an ancestor.
    pub executable_from_tree: bool,
    /// When to look at its own acts again.
    pub own_pulse: Pulse,
    /// When to look at its descendants' acts again.
    pub descendants_pulse: Pulse,
}

impl Process {
    /// Levels of ancestors that a process's acts are gathered in.
    pub const GATHERED_LEVELS: usize = 2;

    /// A process of which nothing is known but that it is there.
    #[must_use]
    pub fn new(id: ProcessId) -> Self {
        Self {
            id,
            parent: None,
            standing: None,
            container: None,
            credentials: None,
            image: None,
            exec_at: id.start,
            exited_at: None,
            own: Behaviour::default(),
            descendants: Descendants::default(),
            executable_seen: 0,
            pair_seen: 0,
            executable_from_tree: false,
            own_pulse: Pulse::default(),
            descendants_pulse: Pulse::default(),
        }
    }

    /// Takes in with which rights and where it acts.
    pub fn stand(&mut self, standing: Standing, containers: &mut ContainerTable) {
        self.container = containers.of(standing.cgroup_id).cloned();
        self.standing = Some(standing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_with_the_logarithm_of_the_count() {
        let now = BootTime(2_000_000_000);
        let mut pulse = Pulse {
            next: 0,
            looked_at: now,
        };
        let looks: Vec<u32> = (0..=20)
            .filter(|&count| pulse.reached(count, now))
            .collect();
        assert_eq!(looks, [1, 2, 3, 4, 6, 9, 13, 19]);
        let mut pulse = Pulse {
            next: 0,
            looked_at: now,
        };
        assert!(
            (0..1_000_000)
                .filter(|&count| pulse.reached(count, now))
                .count()
                < 40
        );
        assert!(pulse.reached(u32::MAX, now));
    }

    #[test]
    fn a_large_count_that_grows_a_little_is_looked_at_every_second() {
        let start = BootTime(5_000_000_000);
        let mut pulse = Pulse {
            next: 150_000,
            looked_at: start,
        };
        assert!(!pulse.reached(100_001, BootTime(5_900_000_000)));
        assert!(pulse.reached(100_002, BootTime(6_000_000_000)));
        assert!(!pulse.reached(100_003, BootTime(6_000_000_001)));
    }
}
