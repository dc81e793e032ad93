//! Metrics, in the format that Prometheus reads, over HTTP.
//!
//! The pipeline shows a snapshot once a second, if anybody is to be served at all. A thread of its own
//! makes the text of it when it is asked, so that no reader can hold up the pipeline.

mod buckets;
mod listener;
mod process;
mod server;
mod snapshot;
mod table;
mod text;

pub use buckets::{BOUNDS, Buckets};
pub use listener::ListenError;
pub use process::Process;
pub use server::{Bound, Server};
pub use snapshot::{Facts, Published, Publisher, Snapshot, channel};
pub use table::{METRICS, Metric, Reading, Values};
pub use text::{CONTENT_TYPE, Source};
