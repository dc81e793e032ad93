//! Metrics as a reader takes them: fetched over HTTP, and parsed strictly by the rules of `OpenMetrics`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
};

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Lines before the body.
    pub head: String,
    /// What follows them.
    pub body: String,
}

/// Sends bytes as a request, and reads until the other side closes.
pub fn ask(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    // Whoever refuses may close before it has read everything.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer, but {text:?}"));
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3]
        .parse()
        .unwrap();
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Asks for metrics, which must be given.
pub fn fetch(stream: impl Read + Write) -> Exposition {
    let answer = ask(
        stream,
        b"GET /metrics HTTP/1.1\r\nHost: sensor\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.status, 200, "{}", answer.head);
    let length = format!("content-length: {}", answer.body.len());
    for line in [
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8",
        &length,
    ] {
        assert!(answer.head.contains(line), "{line}: {}", answer.head);
    }
    Exposition::parse(&answer.body).unwrap()
}

/// Labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// A family of metrics.
#[derive(Debug)]
pub struct Family {
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// Samples by name and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// A whole text.
#[derive(Debug, Default)]
pub struct Exposition {
    /// By name.
    pub families: BTreeMap<String, Family>,
}

impl Exposition {
    /// Parses a text; the first breach of a rule, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let body = text
            .strip_suffix("# EOF\n")
            .ok_or("it does not end with # EOF and a line feed")?;
        let mut parsed = Self::default();
        let mut current: Option<String> = None;
        let mut helped: Option<String> = None;
        for line in body.lines() {
            let wrong = |what: &str| format!("{what}: {line:?}");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').ok_or(wrong("no help"))?;
                if !is_name(name) || help.is_empty() {
                    return Err(wrong("bad help"));
                }
                helped = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or(wrong("no type"))?;
                if helped.take().as_deref() != Some(name) {
                    return Err(wrong("a type without its help"));
                }
                let family = Family {
                    kind: kind.to_owned(),
                    samples: BTreeMap::new(),
                };
                if suffixes(kind).is_empty() || !is_name(name) {
                    return Err(wrong("bad type"));
                }
                if parsed.families.insert(name.to_owned(), family).is_some() {
                    return Err(wrong("a family comes twice"));
                }
                current = Some(name.to_owned());
            } else {
                let name = current.as_ref().ok_or(wrong("a sample of no family"))?;
                let family = parsed.families.get_mut(name).ok_or(wrong("no family"))?;
                let (sample, labels, value) = sample(line).ok_or(wrong("bad sample"))?;
                let suffix = sample.strip_prefix(name.as_str());
                if !suffix.is_some_and(|suffix| suffixes(&family.kind).contains(&suffix)) {
                    return Err(wrong("a sample of another family"));
                }
                if family.kind != "gauge" && !(value >= 0.0 && value.is_finite()) {
                    return Err(wrong("a value below zero, or none"));
                }
                let key = (sample.to_owned(), labels);
                if family.samples.insert(key, value).is_some() {
                    return Err(wrong("a sample comes twice"));
                }
            }
        }
        for (name, family) in &parsed.families {
            if family.kind == "histogram" {
                parsed.histogram(name)?;
            }
        }
        Ok(parsed)
    }

    /// The value of a sample; `None` when it is not there.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let key = (name.to_owned(), labels);
        self.families
            .values()
            .find_map(|family| family.samples.get(&key).copied())
    }

    /// Values that a label has in a family.
    #[must_use]
    pub fn values_of(&self, family: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.families[family].samples.keys();
        samples.map(|(_, labels)| labels[label].as_str()).collect()
    }

    /// Counts of a histogram's buckets, each with those below it.
    pub fn histogram(&self, name: &str) -> Result<Vec<(f64, f64)>, String> {
        let mut buckets = Vec::new();
        for ((sample, labels), count) in &self.families[name].samples {
            if sample.ends_with("_bucket") {
                let bound = labels.get("le").ok_or(format!("{name}: no le"))?;
                buckets.push((number(bound).ok_or(format!("{name}: {bound}"))?, *count));
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let count = self.value(&format!("{name}_count"), &[]);
        let ascends = buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1);
        let last = buckets.last().copied();
        if !ascends || last != count.map(|count| (f64::INFINITY, count)) {
            return Err(format!("{name} is no histogram: {buckets:?}, {count:?}"));
        }
        Ok(buckets)
    }
}

/// What may stand behind a family's name in its samples.
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        _ => &[],
    }
}

fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(fine) && !name.as_bytes()[0].is_ascii_digit()
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, after) = unquoted(quoted)?;
            if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            if let Some(after) = after.strip_prefix(',') {
                rest = after;
            } else {
                rest = after.strip_prefix('}')?;
                break;
            }
        }
    }
    let value = number(rest.strip_prefix(' ')?)?;
    is_name(name).then_some((name, labels, value))
}

/// A label's value, and what follows its closing quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                plain @ ('"' | '\\') => plain,
                _ => return None,
            }),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    const GOOD: &str = "# HELP a_b Words.\n# TYPE a_b counter\n\
        a_b_total{k=\"x\\\"\\\\\\n\",l=\"\"} 3\n\
        # HELP h Words.\n# TYPE h histogram\nh_sum 1.5\nh_count 2\n\
        h_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n";

    #[test]
    fn a_good_text_is_read() {
        let parsed = Exposition::parse(GOOD).unwrap();
        let labels = [("k", "x\"\\\n"), ("l", "")];
        assert_eq!(parsed.value("a_b_total", &labels), Some(3.0));
        assert_eq!(parsed.histogram("h").unwrap()[0], (0.5, 1.0));
        assert_eq!(parsed.values_of("a_b", "l").len(), 1);
    }

    #[test]
    fn each_breach_of_a_rule_is_found() {
        for (good, bad) in [
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF"),
            ("a_b_total", "a_b"),
            ("a_b_total", "c_total"),
            ("} 3\n", "} -3\n"),
            ("} 3\n", "} NaN\n"),
            ("} 3\n", "} 3 \n"),
            ("\\n\"", "\\t\""),
            ("counter", "thing"),
            ("# HELP a_b Words.\n", ""),
            ("# HELP h Words.\n", "# HELP a_b Words.\n"),
            ("h_count 2", "h_count 3"),
            ("le=\"0.5\"} 1", "le=\"0.5\"} 3"),
            ("le=\"+Inf\"", "le=\"9\""),
            ("h_sum 1.5", "h_sum 1.5\nh_sum 1.5"),
            ("h_sum 1.5", "\nh_sum 1.5"),
        ] {
            let text = GOOD.replace(good, bad);
            assert_ne!(text, GOOD);
            assert!(Exposition::parse(&text).is_err(), "{text}");
        }
    }
}
