//! Runs `sensor_fuzz::trees` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{plant, trees};

fuzz_target!(init: plant(trees::seeds), |bytes: &[u8]| trees::check(bytes));
