//! Runs `sensor_fuzz::decode` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{decode, plant};

fuzz_target!(init: plant(decode::seeds), |bytes: &[u8]| decode::check(bytes));
