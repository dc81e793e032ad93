//! Recordings for tests.

use super::{
    About,
    about::{Features, Records},
};

/// A header of this sensor.
pub(crate) fn about() -> About {
    About {
        sensor: String::from(env!("CARGO_PKG_VERSION")),
        kernel: String::from("6.18.0"),
        tier: String::from("tracepoint"),
        unix_seconds: 1_750_000_000,
        started: 5_000_000_000,
        clock_ahead: 1_749_999_995_000_000_000,
        tick: 10_000_000,
        cgroup_hierarchy: Some(0),
        mount_namespace: 4_026_531_841,
        processes: 65_536,
        features: Features::own(),
        records: Records::own(),
    }
}
