//! Runs `sensor_fuzz::recording` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{plant, recording};

fuzz_target!(init: plant(recording::seeds), |bytes: &[u8]| recording::check(bytes));
