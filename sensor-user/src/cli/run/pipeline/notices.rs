//! Notifications of files, where the tier has them.

use super::Pipeline;
use crate::capture::{FileNotices, Noticed};

impl Pipeline {
    /// Fetches notifications of files, to be taken in when the rings are empty.
    pub(in crate::cli::run) fn fetch_notices(&mut self) {
        if let Some(notices) = &mut self.file_notices {
            notices.fetch();
        }
    }

    /// Takes in the notifications of files that were fetched.
    pub(in crate::cli::run) fn take_notices(&mut self) -> Noticed {
        let Some(mut notices) = self.file_notices.take() else {
            return Noticed::default();
        };
        let noticed = notices.take(|tgid, act| {
            // Ended ones are known for a while, and a number is not given out again
            // so soon.
            let Some(process) = self.table.newest(tgid) else {
                return false;
            };
            let standing = process.standing.unwrap_or_default();
            self.event(act.event(process.id, standing));
            true
        });
        self.file_notices = Some(notices);
        noticed
    }

    /// True when there is something to look at that wakes nobody.
    pub(in crate::cli::run) const fn must_look(&self) -> bool {
        self.file_notices.is_some()
    }

    pub(super) fn file_notices_lost(&self) -> u64 {
        self.file_notices.as_ref().map_or(0, FileNotices::lost)
    }
}
