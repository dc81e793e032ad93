//! Runs `sensor_fuzz::stream` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{plant, stream};

fuzz_target!(init: plant(stream::seeds), |bytes: &[u8]| stream::check(bytes));
