use sensor_user::outputs::metrics::{BOUNDS, METRICS};

use super::{NOTICE, cell, put};

/// `docs/metrics.md`, from the table of metrics.
#[must_use]
pub fn metrics_page() -> String {
    let mut page = String::from(NOTICE);
    page.push_str(
        "# Metrics\n\n\
         `sensor run --metrics 127.0.0.1:9464`, or `listen` in the policy's section `[metrics]`, serves \
         these at `/metrics` in the text format of OpenMetrics, which Prometheus reads. Values are of the \
         second before, but for those of the process, which are of now. Acts that are under way while the \
         counters are read are seen already and have not become anything yet: the sums of that moment may \
         differ by these.\n\n\
         | metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for metric in METRICS {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        put(
            &mut page,
            format_args!(
                "| `{}` | {} | {} | {} |\n",
                metric.full_name(),
                metric.kind(),
                labels.join(", "),
                cell(metric.help),
            ),
        );
    }
    let bounds: Vec<String> = BOUNDS.iter().map(ToString::to_string).collect();
    put(
        &mut page,
        format_args!(
            "\nA histogram has `_bucket`, `_sum` and `_count` behind its name. Buckets end at {} seconds, \
             and above.\n",
            bounds.join(", ")
        ),
    );
    page
}
