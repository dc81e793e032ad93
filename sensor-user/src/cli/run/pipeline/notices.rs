//! Notifications of files, where the tier has them.

use super::{super::machine::Side, Pipeline};
use crate::{
    capture::{BootTime, Noticed, NoticedAct},
    event::Tgid,
    recording::Input,
};

impl Pipeline {
    /// Fetches notifications of files, to be taken in when the rings are empty.
    pub(in crate::cli::run) fn fetch_notices(&mut self) {
        if let Side::Live(live) = &mut self.side
            && let Some(notices) = &mut live.file_notices
        {
            notices.fetch();
        }
    }

    /// Takes in the notifications of files that were fetched.
    pub(in crate::cli::run) fn take_notices(&mut self) -> Noticed {
        let Side::Live(live) = &mut self.side else {
            return Noticed::default();
        };
        let Some(mut notices) = live.file_notices.take() else {
            return Noticed::default();
        };
        let noticed = notices.take(|tgid, act| {
            let time = BootTime::now();
            let act = *act;
            self.note(&Input::Notice { time, tgid, act });
            self.notice(time, tgid, &act)
        });
        if let Side::Live(live) = &mut self.side {
            live.file_notices = Some(notices);
        }
        noticed
    }

    /// Takes in one notification; false when the process is not known.
    pub(super) fn notice(&mut self, time: BootTime, tgid: Tgid, act: &NoticedAct<'_>) -> bool {
        // Ended ones are known for a while, and a number is not given out again
        // so soon.
        let Some(process) = self.table.newest(tgid) else {
            return false;
        };
        let standing = process.standing.unwrap_or_default();
        self.event(act.event(time, process.id, standing));
        true
    }

    /// True when there is something to look at that wakes nobody.
    pub(in crate::cli::run) fn must_look(&self) -> bool {
        match &self.side {
            Side::Live(live) => live.file_notices.is_some(),
            Side::Recorded(_) => false,
        }
    }
}
