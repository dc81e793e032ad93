use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, LazyLock},
};

use super::{Behaviour, Container, ContainerTable, Image};
use crate::{
    capture::BootTime,
    event::{Credentials, ProcessId, Standing},
};

/// When growing behaviour is worth another look: whenever its acts, or those of
/// them that ordinary programs rarely perform, grew by half since the last look
/// (at one, two, three, four, six, nine and so on), and when they grew at all in a
/// second. A flood of acts costs a logarithmic number of looks and one a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    next: u32,
    next_notable: u32,
    looked: u32,
    looked_at: BootTime,
}

impl Pulse {
    /// Longest that grown behaviour goes unlooked at while it goes on, in ns.
    const PATIENCE: u64 = 1_000_000_000;

    /// True when it is time for a look, which is then taken as done.
    pub fn reached(&mut self, behaviour: &Behaviour, now: BootTime) -> bool {
        let overdue = now.0.saturating_sub(self.looked_at.0) >= Self::PATIENCE;
        let due = behaviour.acts >= self.next
            || behaviour.notable >= self.next_notable
            || overdue && self.is_behind(behaviour);
        if behaviour.acts == 0 || !due {
            return false;
        }
        self.looked(behaviour, now);
        true
    }

    /// True when there were acts since the last look.
    #[must_use]
    pub const fn is_behind(&self, behaviour: &Behaviour) -> bool {
        behaviour.acts != self.looked
    }

    /// Takes in that somebody looked.
    pub fn looked(&mut self, behaviour: &Behaviour, now: BootTime) {
        let grown = |count: u32| count.saturating_add(count / 2).max(count.saturating_add(1));
        self.next = grown(behaviour.acts);
        self.next_notable = grown(behaviour.notable);
        self.looked = behaviour.acts;
        self.looked_at = now;
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

    fn did(acts: u32, notable: u32) -> Behaviour {
        let mut behaviour = Behaviour::default();
        (behaviour.acts, behaviour.notable) = (acts, notable);
        behaviour
    }

    fn looked(acts: u32, at: BootTime) -> Pulse {
        let mut pulse = Pulse::default();
        pulse.looked(&did(acts, 0), at);
        pulse
    }

    #[test]
    fn looks_grow_with_the_logarithm_of_the_count() {
        let now = BootTime(2_000_000_000);
        let mut pulse = looked(0, now);
        let looks: Vec<u32> = (0..=20)
            .filter(|&count| pulse.reached(&did(count, 0), now))
            .collect();
        assert_eq!(looks, [1, 2, 3, 4, 6, 9, 13, 19]);
        let mut pulse = looked(0, now);
        let looks = (0..1_000_000).filter(|&count| pulse.reached(&did(count, 0), now));
        assert!(looks.count() < 40);
        assert!(pulse.reached(&did(u32::MAX, 0), now));
    }

    #[test]
    fn a_large_count_that_grows_a_little_is_looked_at_every_second() {
        let mut pulse = looked(100_000, BootTime(5_000_000_000));
        assert!(!pulse.reached(&did(100_001, 0), BootTime(5_900_000_000)));
        assert!(pulse.reached(&did(100_002, 0), BootTime(6_000_000_000)));
        assert!(!pulse.reached(&did(100_003, 0), BootTime(6_000_000_001)));
        assert!(!pulse.reached(&did(100_002, 0), BootTime(9_000_000_001)));
    }

    #[test]
    fn a_rare_act_among_very_many_is_looked_at_at_once() {
        let now = BootTime(5_000_000_000);
        let mut pulse = looked(100_000, now);
        assert!(pulse.reached(&did(100_001, 1), now));
        assert!(pulse.reached(&did(100_002, 2), now));
        assert!(!pulse.reached(&did(100_003, 2), now));
        assert!(pulse.is_behind(&did(100_003, 2)) && !pulse.is_behind(&did(100_002, 2)));
    }
}
