use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A number that is written as 16 hexadecimal digits: JSON readers keep no more
/// than 53 bits of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", inline)]
pub struct Hexadecimal(pub u64);

impl Serialize for Hexadecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}
