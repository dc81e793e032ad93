use std::{fmt, io, path::PathBuf};

use thiserror::Error;

/// Why a recording cannot be written or read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file is there already.
    #[error("{path} is there already; --force writes over it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened.
    #[error("cannot open the recording {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's first bytes cannot be written.
    #[error("cannot begin the recording {path}")]
    Begin {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The last of it cannot be written.
    #[error("the end of the recording could not be written: {reason}")]
    End {
        /// What the system said.
        reason: String,
    },
    /// A thread cannot be started.
    #[error("cannot start the recording's thread: {0}")]
    Thread(io::Error),
    /// The file cannot be read.
    #[error("cannot read the recording at offset {offset}")]
    Read {
        /// Byte of the file.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("this is no recording: it does not begin as one does")]
    Foreign,
    /// The file was cut before its first frame.
    #[error(
        "the recording was cut within its header: {found} bytes are there, nothing can be replayed"
    )]
    NoHeader {
        /// Bytes that are there.
        found: u64,
    },
    /// The header is damaged.
    #[error("the header of the recording is damaged: {reason}")]
    Header {
        /// What is wrong with it.
        reason: String,
    },
    /// The form of the file is another one.
    #[error(
        "the recording has version {found} of the file format, this sensor reads version {own}: \
         replay it with the sensor that recorded it or one as new"
    )]
    Version {
        /// The file's.
        found: u32,
        /// This sensor's.
        own: u32,
    },
    /// Records look otherwise.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// A frame is damaged.
    #[error("frame {number} at offset {offset} is damaged: {reason}")]
    Damaged {
        /// Number of the frame, the first one being 0.
        number: u64,
        /// Byte of the file where it begins.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is more behind the end.
    #[error("{bytes} bytes or more follow the end of the recording at offset {offset}")]
    Trailing {
        /// Byte of the file where it ends.
        offset: u64,
        /// Bytes that were found there.
        bytes: usize,
    },
}

/// A recording whose records this sensor would misread.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Incompatible {
    /// Version of the sensor that recorded.
    pub recorded_by: String,
    /// What differs.
    pub differences: Vec<String>,
}

impl fmt::Display for Incompatible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the recording was made by sensor {}, whose records sensor {} would misread",
            self.recorded_by,
            env!("CARGO_PKG_VERSION")
        )?;
        for difference in &self.differences {
            write!(formatter, "\n  {difference}")?;
        }
        Ok(())
    }
}
