//! Runs `sensor_fuzz::dns` on what libFuzzer makes up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sensor_fuzz::{dns, plant};

fuzz_target!(init: plant(dns::seeds), |bytes: &[u8]| dns::check(bytes));
