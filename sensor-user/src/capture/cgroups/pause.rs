use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{FindCgroup, FoundCgroup};

/// How long no cgroup is looked for after one could not be.
const PAUSE: Duration = Duration::from_secs(1);

/// A finder that rests for a second after it could not find something out: what
/// keeps it from one cgroup will keep it from others.
#[derive(Debug)]
pub struct Pausing<F> {
    finder: F,
    /// Nothing is looked for until then.
    until: Cell<Option<Instant>>,
}

impl<F> Pausing<F> {
    /// One that has found out everything so far.
    pub const fn new(finder: F) -> Self {
        Self {
            finder,
            until: Cell::new(None),
        }
    }
}

impl<F: FindCgroup> FindCgroup for Pausing<F> {
    fn find(&self, id: u64) -> FoundCgroup {
        if self.until.get().is_some_and(|end| Instant::now() < end) {
            return FoundCgroup::Unknown;
        }
        let found = self.finder.find(id);
        if found == FoundCgroup::Unknown {
            self.until.set(Some(Instant::now() + PAUSE));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Knows cgroup 6 only, and notes what it is asked.
    #[derive(Debug, Default)]
    struct Finder(RefCell<Vec<u64>>);

    impl FindCgroup for Finder {
        fn find(&self, id: u64) -> FoundCgroup {
            self.0.borrow_mut().push(id);
            match id {
                6 => FoundCgroup::Gone,
                _ => FoundCgroup::Unknown,
            }
        }
    }

    #[test]
    fn a_search_that_failed_is_repeated_later_for_whom_it_may_concern() {
        let finder = Pausing::new(Finder::default());
        assert_eq!(finder.find(6), FoundCgroup::Gone);
        for id in [5, 5, 6] {
            assert_eq!(finder.find(id), FoundCgroup::Unknown);
        }
        assert_eq!(*finder.finder.0.borrow(), [6, 5]);
        finder.until.set(Some(Instant::now()));
        assert_eq!(finder.find(6), FoundCgroup::Gone);
        assert_eq!(*finder.finder.0.borrow(), [6, 5, 6]);
    }
}
