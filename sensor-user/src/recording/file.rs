use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{RecordingError, Tape, about::About, frame::prologue, writer};

/// A file that is open for a recording, and not begun: nothing of what was there
/// before is lost yet.
#[derive(Debug)]
pub struct RecordingFile {
    path: PathBuf,
    file: Option<File>,
    /// There was none.
    made: bool,
}

impl RecordingFile {
    /// Makes the file, with mode 0600: it will hold command lines. One that is there
    /// already is an error, unless `force` says to write over it.
    pub fn create(path: &Path, force: bool) -> Result<Self, RecordingError> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let of = |made: bool| {
            move |file: File| Self {
                path: path.to_owned(),
                file: Some(file),
                made,
            }
        };
        match options.create_new(true).open(path).map(of(true)) {
            Ok(made) => Ok(made),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !force => {
                Err(RecordingError::Exists {
                    path: path.to_owned(),
                })
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => options
                .create_new(false)
                .open(path)
                .map(of(false))
                .map_err(|source| RecordingError::Open {
                    path: path.to_owned(),
                    source,
                }),
            Err(source) => Err(RecordingError::Open {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Writes the header, and starts the thread that writes the rest.
    pub fn begin(mut self, about: &About) -> Result<Tape, RecordingError> {
        let prologue = prologue(about)?;
        let begun = begin(&mut self.file, &prologue);
        let file = begun.map_err(|source| RecordingError::Begin {
            path: self.path.clone(),
            source,
        })?;
        writer::start(file, prologue.len() as u64).map(Tape::new)
    }
}

/// Writes the first bytes in the place of what was there, and gives the file away.
fn begin(place: &mut Option<File>, prologue: &[u8]) -> io::Result<File> {
    let Some(file) = place else {
        return Err(ErrorKind::NotFound.into());
    };
    // A device has neither a length nor anybody's command lines.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(prologue)?;
    place.take().ok_or_else(|| ErrorKind::NotFound.into())
}

impl Drop for RecordingFile {
    fn drop(&mut self) {
        // A sensor that could not start leaves no empty file.
        if self.file.is_some() && self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
