//! What the integration cases share: a running sensor whose records can be
//! waited for.
//!
//! The cases load eBPF programs and act on the real machine, so they need root
//! and run one at a time (`cargo xtask test` sees to both).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test stops at what it does not expect"
)]

pub mod documentation;
pub mod exposition;
pub mod model_files;
mod mounts;
mod record;
pub mod refusal;
mod sensor;
mod workplace;

pub use mounts::{Cgroups, path_in_file_system};
pub use record::{Records, args_of, pid_of};
pub use sensor::{Finished, Sensor, actor, sensor_command};
pub use workplace::workplace;
