use std::{fmt::Write as _, time::Duration};

use super::verdict_line::printable;
use crate::{
    outputs::{SummaryPart, mebibytes},
    recording::{Progress, Recording},
};

/// The end of a run for people.
pub(super) fn render(summary: &SummaryPart) -> String {
    let kinds: Vec<String> = summary
        .events_by_kind
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let [median, high, higher] = summary.decision_latency_us;
    let skipped = if summary.hashes_skipped > 0 {
        format!(", {} skipped", summary.hashes_skipped)
    } else {
        String::new()
    };
    let [inference, inference_high, _] = summary.inference_us;
    format!(
        "ran {:.1} s: {} events, {} more counted, {} lost, {} verdicts, {} killed\n  \
         events     {}\n  \
         decisions  {} scores; kernel to decision p50 {median:.0} µs, p99 {high:.0} µs, \
         p99.9 {higher:.0} µs; inference p50 {inference:.1} µs, p99 {inference_high:.1} µs\n  \
         hashes     {}{skipped}\n  \
         sensor     {:.2} s of processor time, {:.1} MiB at most\n",
        summary.seconds,
        summary.events,
        summary.counted,
        summary.lost,
        summary.verdicts,
        summary.kills,
        if kinds.is_empty() {
            String::from("none")
        } else {
            kinds.join(", ")
        },
        summary.scores,
        summary.hashes,
        summary.cpu_seconds,
        summary.peak_rss_bytes as f64 / f64::from(1u32 << 20),
    )
}

/// What was recorded, for people.
pub(super) fn render_recording(recorded: Progress) -> String {
    let Progress {
        bytes,
        inputs,
        records,
        lost,
    } = recorded;
    let size = mebibytes(bytes);
    format!(
        "  recording  {size}: {inputs} inputs, {records} of them records; {lost} not recorded\n"
    )
}

/// What a replay came to.
pub(super) struct Replayed {
    /// As of a run; its times are those of the recording.
    pub(super) summary: SummaryPart,
    /// Rows exported.
    pub(super) rows: u64,
    /// Lines that the outputs did not take.
    pub(super) output_lost: u64,
}

impl Replayed {
    /// For people, after the replay took so long.
    pub(super) fn render(&self, took: Duration, recording: &Recording) -> String {
        let Self {
            summary,
            rows,
            output_lost,
        } = self;
        let about = recording.about();
        let seconds = took.as_secs_f64();
        let [inference, inference_high, _] = summary.inference_us;
        let mut text = format!(
            "replayed {:.1} s in {seconds:.1} s: {} events ({:.0}/s), {} more counted, {} lost, \
             {} verdicts\n  \
             recorded   by sensor {}, kernel {}, {} tier; {} inputs, {} missing\n  \
             decisions  {} scores, {rows} rows; inference p50 {inference:.1} µs, \
             p99 {inference_high:.1} µs\n",
            summary.seconds,
            summary.events,
            summary.events as f64 / seconds.max(f64::EPSILON),
            summary.counted,
            summary.lost,
            summary.verdicts,
            printable(&about.sensor),
            printable(&about.kernel),
            printable(&about.tier),
            recording.inputs(),
            recording.lost(),
            summary.scores,
        );
        if *output_lost > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  outputs    {output_lost} lines NOT WRITTEN");
        }
        text
    }
}
