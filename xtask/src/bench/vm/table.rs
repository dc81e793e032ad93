//! What a guest told, for people.

use std::fmt::Write as _;

use super::exchange::{Act, Guest};
use crate::bench::figure::{median_of, number};

const HEADS: [&str; 8] = [
    "off, ns",
    "hooks only",
    "on, ns",
    "of hooks",
    "of agent",
    "hooks only",
    "ratio",
    "least–greatest",
];

/// What each act takes, and what of it the hooks and the agent execute.
pub(super) fn acts(guest: &Guest) -> String {
    let rows = guest
        .told
        .acts
        .iter()
        .map(|act| (act.name.clone(), row(act)));
    let title = format!("{} (Linux {})", guest.title(), guest.release);
    lines(&title, &HEADS, rows)
}

/// Median nanoseconds, what hooks and agent add to them, and how many times as long it takes.
fn row(act: &Act) -> Vec<String> {
    let [off, hooks, on] = [&act.off, &act.hooks, &act.on].map(|values| median_of(values));
    let ratios = act.ratios();
    let least = ratios.iter().copied().fold(f64::NAN, f64::min);
    let greatest = ratios.iter().copied().fold(f64::NAN, f64::max);
    vec![
        number(off),
        number(hooks),
        number(on),
        number(hooks - off),
        number(on - hooks),
        format!("{:.3}", median_of(&act.hook_ratios())),
        format!("{:.3}", median_of(&ratios)),
        format!("{least:.3}–{greatest:.3}"),
    ]
}

/// What became of the acts.
pub(super) fn accounting(guest: &Guest) -> String {
    let rows = guest.told.accounting.iter().map(|(kind, totals)| {
        let numbers = [totals.seen, totals.submitted, totals.counted, totals.lost];
        (
            kind.clone(),
            numbers.map(|number| number.to_string()).into(),
        )
    });
    let heads = ["seen", "submitted", "counted", "lost"];
    let table = lines("all runs of the sensor", &heads, rows);
    let (scores, verdicts) = (guest.told.scores, guest.told.verdicts);
    format!("{table}scored {scores} times, {verdicts} verdicts\n")
}

/// A table of columns that are as wide as what is in them.
fn lines(title: &str, heads: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut rows: Vec<(String, Vec<String>)> = rows.collect();
    rows.insert(0, (title.to_owned(), heads));
    let length = |text: &String| text.chars().count();
    let first = rows.iter().map(|(name, _)| length(name)).max();
    let widths: Vec<usize> = (0..rows[0].1.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(column));
            cells.map(length).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for (name, cells) in &rows {
        let _ = write!(text, "{name:0$}", first.unwrap_or_default());
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::exchange::tests::guest, accounting, acts};

    #[test]
    fn what_hooks_and_agent_add_is_told_apart() {
        assert_eq!(
            acts(&guest()),
            "\
6.12 lsm (Linux 6.12.1-amd64)  off, ns  hooks only  on, ns  of hooks  of agent  hooks only  ratio  least–greatest
fork+exit                         1000        1200    1500       200       300       1.100  1.300     1.250–1.500
"
        );
    }

    #[test]
    fn every_kind_is_accounted_for() {
        assert_eq!(
            accounting(&guest()),
            "\
all runs of the sensor  seen  submitted  counted  lost
process.fork             100         60       40     0
scored 70 times, 1 verdicts
"
        );
    }
}
