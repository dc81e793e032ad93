//! Metrics in the text format of `OpenMetrics`, which Prometheus reads.

use std::{borrow::Cow, fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::{Facts, METRICS, Metric, Process, Published, Reading, Values};

/// The type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the text is made from; cheap to clone.
#[derive(Clone, Debug)]
pub struct Source {
    facts: Arc<Facts>,
    published: Published,
}

impl Source {
    /// Of these.
    #[must_use]
    pub fn new(facts: Facts, published: Published) -> Self {
        Self {
            facts: Arc::new(facts),
            published,
        }
    }

    /// The text of this moment.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let snapshot = self.published.last();
        let reading = Reading {
            facts: &self.facts,
            snapshot: &snapshot,
            process: Process::own(),
        };
        METRICS
            .iter()
            .try_for_each(|metric| encode(metric, &reading, &mut encoder))
    }
}

fn encode(metric: &Metric, reading: &Reading<'_>, into: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let kind = match metric.values {
        Values::Counter(_) | Values::FractionalCounter(_) => MetricType::Counter,
        Values::Gauge(_) => MetricType::Gauge,
        Values::Histogram(_) => MetricType::Histogram,
        Values::Info(_) => MetricType::Info,
    };
    let mut encoder = into.encode_descriptor(metric.name, metric.help, None, kind)?;
    let labels = |values: Vec<Cow<'static, str>>| -> Vec<(&'static str, Cow<'static, str>)> {
        metric.labels.iter().copied().zip(values).collect()
    };
    match metric.values {
        Values::Counter(values) => {
            for (of, value) in values(reading) {
                let labels = labels(of);
                if labels.is_empty() {
                    encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
                } else {
                    ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
                }
            }
            Ok(())
        }
        Values::FractionalCounter(value) => ConstCounter::new(value(reading)).encode(encoder),
        Values::Gauge(value) => ConstGauge::new(value(reading)).encode(encoder),
        Values::Histogram(buckets) => {
            let buckets = buckets(reading);
            let each: Vec<_> = buckets.each().collect();
            encoder.encode_histogram::<NoLabelSet>(
                buckets.sum_seconds(),
                buckets.count(),
                &each,
                None,
            )
        }
        Values::Info(values) => values(reading)
            .into_iter()
            .try_for_each(|(of, ())| encoder.encode_info(&labels(of))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sensor_common::RecordKind;

    use super::*;
    use crate::{
        outputs::{
            ModelPart,
            metrics::{Snapshot, channel},
        },
        policy::{Action, Label},
    };

    fn text(snapshot: Snapshot) -> String {
        let (publisher, published) = channel();
        publisher.publish(snapshot);
        let facts = Facts {
            mode: "observe",
            started: 1_700_000_000,
            table_capacity: 64,
        };
        Source::new(facts, published).text().unwrap()
    }

    #[test]
    fn values_stand_behind_their_names_and_labels() {
        let mut snapshot = Snapshot {
            processes: 16,
            ..Snapshot::default()
        };
        snapshot.counts.event(RecordKind::FileOpen);
        snapshot.counts.verdict(Label::Malicious, Action::Spare);
        snapshot.counts.undecoded = 3;
        snapshot.inference.record(Duration::from_micros(20));
        snapshot.inference.record(Duration::from_secs(4));
        let text = text(snapshot);
        for line in [
            "# TYPE sensor_acts counter",
            "sensor_acts_total{kind=\"file.open\",fate=\"lost\"} 0",
            "sensor_events_decoded_total{kind=\"file.open\"} 1",
            "sensor_verdicts_total{label=\"malicious\",action=\"spare\"} 1",
            "sensor_agent_losses_total{source=\"decoder\"} 3",
            "sensor_process_table_fill_ratio 0.25",
            "sensor_inference_seconds_bucket{le=\"0.00001\"} 0",
            "sensor_inference_seconds_bucket{le=\"0.000025\"} 1",
            "sensor_inference_seconds_bucket{le=\"2.5\"} 1",
            "sensor_inference_seconds_bucket{le=\"+Inf\"} 2",
            "sensor_inference_seconds_count 2",
            "sensor_inference_seconds_sum 4.00002",
            "sensor_scores_total 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(!text.contains("sensor_model_info"), "{text}");
    }

    #[test]
    fn what_a_model_says_of_itself_cannot_break_the_text() {
        let model = ModelPart {
            name: String::from("a\"} 1\nsensor_kills_total 9"),
            version: String::from("\\"),
            sha256: String::new(),
        };
        let text = text(Snapshot {
            model: Some(model),
            ..Snapshot::default()
        });
        let line = text
            .lines()
            .find(|line| line.starts_with("sensor_model_info"))
            .unwrap();
        let expected =
            r#"sensor_model_info{name="a\"} 1\nsensor_kills_total 9",version="\\",sha256=""} 1"#;
        assert_eq!(line, expected);
    }
}
