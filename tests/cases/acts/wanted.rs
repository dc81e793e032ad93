use std::path::{Path, PathBuf};

use sensor_tests::path_in_file_system;
use serde_json::Value;

/// What a place in a record must hold.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// This.
    Is(Value),
    /// Nothing.
    Absent,
    /// One of these.
    OneOf(Vec<Value>),
    /// This, if anything.
    Perhaps(Value),
    /// This; nothing for an attempt.
    Outcome(Value),
    /// This; this or nothing for an attempt.
    Known(Value),
    /// A text with this end.
    EndsWith(String),
    /// A number with these bits.
    Bits(u64),
    /// A number without any of these bits.
    NoBits(u64),
    /// A number in hexadecimal.
    Hex(u64),
    /// These names in any order.
    Names(Vec<String>),
    /// This path, or its part in the file system where the record tells that.
    Path(PathBuf),
    /// The kernel's own path, or one that the agent resolved.
    Resolved,
    /// A start on the boot clock, in clock ticks; nothing when the other
    /// process is known by the caller's number alone.
    Ticks(u64),
}

/// This value.
pub(crate) fn is(value: impl Into<Value>) -> Wanted {
    Wanted::Is(value.into())
}

/// This value, if any.
pub(crate) fn perhaps(value: impl Into<Value>) -> Wanted {
    Wanted::Perhaps(value.into())
}

/// This value, unless the record is of an attempt.
pub(crate) fn outcome(value: impl Into<Value>) -> Wanted {
    Wanted::Outcome(value.into())
}

/// One of these values.
pub(crate) fn one_of<const N: usize>(values: [&str; N]) -> Wanted {
    Wanted::OneOf(values.map(Value::from).to_vec())
}

/// These names, in any order.
pub(crate) fn names(names: &[&str]) -> Wanted {
    Wanted::Names(names.iter().map(|name| (*name).to_owned()).collect())
}

/// This path.
pub(crate) fn path(path: impl AsRef<Path>) -> Wanted {
    Wanted::Path(path.as_ref().to_owned())
}

/// What stands at a place, given by its keys with dots between.
fn at<'a>(record: &'a Value, place: &str) -> &'a Value {
    place.split('.').fold(record, |value, key| &value[key])
}

/// What a record says differently.
pub(crate) fn differences(record: &Value, wanted: &[(&str, Wanted)]) -> Vec<String> {
    wanted
        .iter()
        .filter(|(place, wanted)| !wanted.holds(record, place))
        .map(|(place, wanted)| format!("{place} is {}, not {wanted:?}", at(record, place)))
        .collect()
}

impl Wanted {
    fn holds(&self, record: &Value, place: &str) -> bool {
        let value = at(record, place);
        match self {
            Self::Is(wanted) => value == wanted,
            Self::Absent => value.is_null(),
            Self::OneOf(wanted) => wanted.contains(value),
            Self::Perhaps(wanted) => value.is_null() || value == wanted,
            Self::Outcome(wanted) => {
                if record["attempt"] == true {
                    value.is_null()
                } else {
                    value == wanted
                }
            }
            Self::Known(wanted) => {
                value == wanted || (value.is_null() && record["attempt"] == true)
            }
            Self::EndsWith(end) => value.as_str().is_some_and(|text| text.ends_with(end)),
            Self::Bits(bits) => value.as_u64().is_some_and(|value| value & bits == *bits),
            Self::NoBits(bits) => value.as_u64().is_some_and(|value| value & bits == 0),
            Self::Hex(number) => hexadecimal(value) == Some(*number),
            Self::Names(wanted) => {
                let mut said: Vec<&str> = value
                    .as_array()
                    .map(|names| names.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                said.sort_unstable();
                let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                said == wanted
            }
            Self::Path(wanted) => {
                let source = at(record, &format!("{place}_source"));
                if source == "file_system" {
                    value == path_in_file_system(wanted).to_str().unwrap()
                } else {
                    value == wanted.to_str().unwrap()
                }
            }
            Self::Resolved => ["kernel", "resolved", "file_system"]
                .iter()
                .any(|s| value == s),
            Self::Ticks(ticks) => match value.as_u64() {
                None => record["target"]["from_argument"] == true,
                Some(start) => {
                    start / (1_000_000_000 / rustix::param::clock_ticks_per_second()) == *ticks
                }
            },
        }
    }
}

/// The number that a text tells in hexadecimal.
fn hexadecimal(value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}
