use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File},
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Manifest;
use crate::model::write_whole;

/// Models whose version is remembered at most.
const NAMES_MAX: usize = 256;

/// Largest state file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// The highest version that was accepted of each model, in a file: an older one
/// may have a fault that was mended since, and its signature is as good as ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    path: PathBuf,
}

/// Why a version was refused, or cannot be compared.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// It is older than one that was accepted.
    #[error(
        "it is version {found} of the model {name:?}, but version {accepted} was accepted before; \
         `sensor model set --allow-rollback` allows an older one"
    )]
    Rollback {
        /// Which model.
        name: String,
        /// Its version.
        found: u64,
        /// The highest so far.
        accepted: u64,
    },
    /// It has the version of one that was accepted, but is another.
    #[error(
        "it is version {version} of the model {name:?}, but another file was accepted as that; \
         a changed model needs a new version"
    )]
    Another {
        /// Which model.
        name: String,
        /// Its version.
        version: u64,
    },
    /// The file cannot be read or written.
    #[error("cannot {act} the accepted versions in {path}")]
    File {
        /// `read` or `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else. It is not made anew: that would forget what
    /// must not be accepted again.
    #[error("the accepted versions in {path} cannot be understood: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It has no room for another name.
    #[error("{path} holds {NAMES_MAX} models, and has no room for {name:?}")]
    Full {
        /// The file.
        path: PathBuf,
        /// The one too many.
        name: String,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    accepted: BTreeMap<String, Accepted>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    version: u64,
    /// SHA-256 of the ONNX file.
    sha256: String,
}

impl History {
    /// The one in this file, which need not be there yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Refuses a version that is older than one that was accepted, and another file
    /// of the same version.
    pub fn check(&self, manifest: &Manifest) -> Result<(), HistoryError> {
        compare(&self.read()?, manifest)
    }

    /// Remembers that a version was accepted; one that [`History::check`] would refuse
    /// is refused.
    pub fn accept(&self, manifest: &Manifest) -> Result<(), HistoryError> {
        self.update(manifest, compare)
    }

    /// Remembers a version as the highest, whatever was accepted before.
    pub fn accept_older(&self, manifest: &Manifest) -> Result<(), HistoryError> {
        self.update(manifest, |_, _| Ok(()))
    }

    fn update(
        &self,
        manifest: &Manifest,
        check: impl FnOnce(&State, &Manifest) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let failed = |source| self.failed("write", source);
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        // Two that write at once must not forget each other's names.
        let lock = File::open(directory).map_err(failed)?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| failed(error.into()))?;
        let mut state = self.read()?;
        check(&state, manifest)?;
        let new = Accepted {
            version: manifest.version,
            sha256: manifest.model_sha256().to_owned(),
        };
        let before = state.accepted.get(&manifest.name);
        if before.is_some_and(|old| (old.version, &old.sha256) == (new.version, &new.sha256)) {
            return Ok(());
        }
        if before.is_none() && state.accepted.len() >= NAMES_MAX {
            return Err(HistoryError::Full {
                path: self.path.clone(),
                name: manifest.name.clone(),
            });
        }
        state.accepted.insert(manifest.name.clone(), new);
        let text = serde_json::to_vec_pretty(&state).map_err(|error| failed(error.into()))?;
        write_whole(&self.path, &text, 0o600).map_err(failed)
    }

    fn read(&self) -> Result<State, HistoryError> {
        let failed = |source| self.failed("read", source);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        file.take(FILE_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        serde_json::from_str(&text).map_err(|error| HistoryError::Content {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    fn failed(&self, act: &'static str, source: io::Error) -> HistoryError {
        HistoryError::File {
            act,
            path: self.path.clone(),
            source,
        }
    }
}

fn compare(state: &State, manifest: &Manifest) -> Result<(), HistoryError> {
    let Some(accepted) = state.accepted.get(&manifest.name) else {
        return Ok(());
    };
    let name = || manifest.name.clone();
    match manifest.version.cmp(&accepted.version) {
        std::cmp::Ordering::Less => Err(HistoryError::Rollback {
            name: name(),
            found: manifest.version,
            accepted: accepted.version,
        }),
        std::cmp::Ordering::Equal if manifest.model_sha256() != accepted.sha256 => {
            Err(HistoryError::Another {
                name: name(),
                version: manifest.version,
            })
        }
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::bundle::manifest::tests::manifest;

    #[test]
    fn what_was_accepted_stays_the_least() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/state.json");
        let history = History::new(path.clone());
        history.check(&manifest(1, b"m")).unwrap();
        history.accept(&manifest(5, b"m")).unwrap();
        history.accept(&manifest(5, b"m")).unwrap();
        history.check(&manifest(6, b"n")).unwrap();
        let older = manifest(4, b"m");
        for error in [history.check(&older), history.accept(&older)] {
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains("version 4") && error.contains("version 5 was accepted"),
                "{error}"
            );
        }
        let another = history.check(&manifest(5, b"another")).unwrap_err();
        assert!(matches!(another, HistoryError::Another { version: 5, .. }));
        let other_name = Manifest {
            name: String::from("other"),
            ..manifest(1, b"m")
        };
        history.accept(&other_name).unwrap();
        history.accept_older(&older).unwrap();
        history.check(&older).unwrap();
        // On the disk, not only here.
        let again = History::new(path);
        assert!(again.check(&manifest(3, b"m")).is_err());
        again.check(&other_name).unwrap();
    }

    #[test]
    fn a_file_that_is_not_understood_is_not_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        fs::write(&path, "{\"accepted\": 7}").unwrap();
        let history = History::new(path.clone());
        for error in [
            history.check(&manifest(1, b"m")),
            history.accept(&manifest(1, b"m")),
        ] {
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains("state.json") && error.contains("line 1"),
                "{error}"
            );
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"accepted\": 7}");
    }

    #[test]
    fn names_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let history = History::new(directory.path().join("state.json"));
        let named = |number: usize| Manifest {
            name: format!("m{number}"),
            ..manifest(1, b"m")
        };
        for number in 0..NAMES_MAX {
            history.accept(&named(number)).unwrap();
        }
        let error = history.accept(&named(NAMES_MAX)).unwrap_err();
        assert!(matches!(error, HistoryError::Full { .. }), "{error}");
        history.accept(&named(3)).unwrap();
    }
}
