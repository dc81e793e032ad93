//! Recordings: everything that the pipeline took in, in its order, so that the
//! same code can take it in again elsewhere and later.
//!
//! A recording holds inputs and no features: what is extracted from it is what
//! the sensor that replays it extracts. `docs/recordings.md` has the form of the
//! file.

mod about;
mod answers;
mod bytes;
mod error;
mod file;
mod frame;
mod frames;
mod item;
mod reader;
mod tape;
mod writer;

pub use about::{About, Features, Records};
pub use answers::Answers;
pub use error::{Incompatible, RecordingError};
pub use file::RecordingFile;
pub use frame::{FRAME_BYTES, RAW_MAX, STORED_MAX};
pub use frames::{Ending, Frames};
pub use item::{Answer, Input, Item, Tick};
pub use reader::Recording;
pub use tape::{Noting, Tape};
pub use writer::{Progress, QUEUE_FRAMES, Totals};

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
