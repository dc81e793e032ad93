//! Runs `sensor_fuzz::container` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{container, plant};

fuzz_target!(init: plant(container::seeds), |bytes: &[u8]| container::check(bytes));
