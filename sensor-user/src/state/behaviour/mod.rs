//! What a process, or all of its descendants, did of late.

mod acts;
mod counts;
mod window;

use super::sketch::{Decaying, Distinct};
use crate::capture::BootTime;
use window::Window;

pub use counts::Count;

/// What a process, or all of its descendants, did: counts and distinct counts of
/// the last one to two minutes, and rates. About 500 bytes whatever it did.
///
/// Two windows of fixed length, one after the other: what was done lately counts
/// in full, what was done before the earlier one not at all. A process that has
/// run for weeks is judged by what it does now, like one that has just started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// All acts ever, without those that are only counted (reads).
    pub acts: u32,
    /// Of these, acts that ordinary programs rarely perform.
    pub notable: u32,
    /// It made a socket listen at any time.
    pub listened: bool,
    /// It attempted a connection at any time.
    pub connected: bool,
    /// Number of the present window since the machine started.
    number: u64,
    /// The present window and the one before it.
    windows: [Window; 2],
    /// Opens for writing of late.
    pub open_rate: Decaying,
    /// Removed and moved names of late.
    pub removal_rate: Decaying,
    /// Connection attempts of late.
    pub connect_rate: Decaying,
    /// Programs run of late.
    pub exec_rate: Decaying,
}

impl Behaviour {
    /// Length of a window, in ns.
    pub const WINDOW: u64 = 64_000_000_000;

    /// How often this was done in the present window and the one before.
    #[must_use]
    pub fn count(&self, count: Count, now: BootTime) -> u32 {
        self.alive(now).map(|window| window.get(count)).sum()
    }

    /// Kinds of acts that ordinary programs rarely perform, of which there were
    /// any, likewise.
    #[must_use]
    pub fn notable_kinds(&self, now: BootTime) -> u32 {
        let notable = Count::ALL.iter().filter(|count| !count.is_common());
        let there = notable.filter(|&&count| self.count(count, now) > 0);
        u32::try_from(there.count()).unwrap_or(u32::MAX)
    }

    /// Directories written to, likewise.
    #[must_use]
    pub fn directories(&self, now: BootTime) -> f32 {
        self.distinct(now, |window| window.directories)
    }

    /// Remote addresses, likewise.
    #[must_use]
    pub fn peers(&self, now: BootTime) -> f32 {
        self.distinct(now, |window| window.peers)
    }

    /// Remote ports, likewise.
    #[must_use]
    pub fn ports(&self, now: BootTime) -> f32 {
        self.distinct(now, |window| window.ports)
    }

    /// Names asked for, likewise.
    #[must_use]
    pub fn names(&self, now: BootTime) -> f32 {
        self.distinct(now, |window| window.names)
    }

    /// Bytes of the longest of them.
    #[must_use]
    pub fn longest_name(&self, now: BootTime) -> u16 {
        self.alive(now)
            .map(|window| window.longest_name)
            .max()
            .unwrap_or_default()
    }

    fn distinct(&self, now: BootTime, of: impl Fn(&Window) -> Distinct) -> f32 {
        self.alive(now)
            .fold(Distinct::default(), |all, window| all.union(of(window)))
            .estimate()
    }

    /// Windows that still count at this time.
    fn alive(&self, now: BootTime) -> impl Iterator<Item = &Window> {
        let passed = (now.0 / Self::WINDOW).saturating_sub(self.number);
        let alive = 2usize.saturating_sub(usize::try_from(passed).unwrap_or(usize::MAX));
        self.windows.iter().take(alive)
    }

    /// The window of this time; of what comes late, the present one.
    fn window(&mut self, now: BootTime) -> &mut Window {
        let number = now.0 / Self::WINDOW;
        match number.saturating_sub(self.number) {
            0 => {}
            1 => self.windows = [Window::default(), self.windows[0]],
            _ => self.windows = [Window::default(); 2],
        }
        self.number = self.number.max(number);
        let [present, _] = &mut self.windows;
        present
    }

    /// Counts what is not an act by itself: a circumstance of one.
    fn note(&mut self, count: Count, now: BootTime) {
        self.window(now).add(count, 1);
        self.notable = self.notable.saturating_add(u32::from(!count.is_common()));
    }

    /// Counts one act.
    pub fn did(&mut self, count: Count, now: BootTime) {
        self.acts = self.acts.saturating_add(1);
        self.note(count, now);
    }

    /// Counts acts of one kind at once.
    fn did_times(&mut self, count: Count, times: u32, now: BootTime) {
        self.acts = self.acts.saturating_add(times);
        let in_window = u16::try_from(times).unwrap_or(u16::MAX);
        self.window(now).add(count, in_window);
        if !count.is_common() {
            self.notable = self.notable.saturating_add(times);
        }
    }
}

#[cfg(test)]
mod tests;
