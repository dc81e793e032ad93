use crate::outputs::SummaryPart;

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
