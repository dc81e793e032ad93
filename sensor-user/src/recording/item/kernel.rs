//! The kernel's accounting: kinds of which nothing was seen are left out.

use sensor_common::RecordKind;

use super::take_kind;
use crate::{
    capture::{KernelLosses, KindTotals, Skipped},
    recording::bytes::{Malformed, Taker, put_number, put_string},
};

pub(super) fn put(out: &mut Vec<u8>, losses: &KernelLosses) {
    let KernelLosses { records, skipped } = losses;
    let some = || {
        RecordKind::ALL
            .into_iter()
            .map(|kind| (kind, records.of(kind)))
            .filter(|(_, totals)| *totals != KindTotals::default())
    };
    put_number(out, some().count() as u64);
    for (kind, totals) in some() {
        let KindTotals {
            seen,
            submitted,
            counted,
            excluded,
            lost,
        } = totals;
        put_number(out, kind.tag().into());
        for number in [seen, submitted, counted, excluded, lost] {
            put_number(out, number);
        }
    }
    put_number(out, skipped.len() as u64);
    for Skipped { program, times } in skipped {
        put_string(out, program.as_bytes());
        put_number(out, *times);
    }
}

pub(super) fn take(from: &mut Taker<'_>) -> Result<KernelLosses, Malformed> {
    let mut losses = KernelLosses::default();
    for _ in 0..from.number()? {
        let kind = take_kind(from)?;
        let totals = KindTotals {
            seen: from.number()?,
            submitted: from.number()?,
            counted: from.number()?,
            excluded: from.number()?,
            lost: from.number()?,
        };
        losses.records.set(kind, totals);
    }
    for _ in 0..from.number()? {
        losses.skipped.push(Skipped {
            program: String::from_utf8(from.string()?.to_vec()).map_err(|_| Malformed)?,
            times: from.number()?,
        });
    }
    Ok(losses)
}
