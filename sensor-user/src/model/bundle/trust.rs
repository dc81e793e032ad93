use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{KeyError, KeyId, PublicKey, key::open_to_others};

/// Keys that are trusted at most.
const KEYS_MAX: usize = 64;

/// How the files of public keys in a folder end.
const EXTENSION: &str = "pub";

/// Whose bundles are used.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

/// Why the trusted keys cannot be had.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The folder or file cannot be read.
    #[error("cannot read the trusted keys in {path}")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key is none, or others can change it. One that is wrong is an error,
    /// not skipped: somebody meant something by it.
    #[error("a trusted key cannot be used")]
    Key(#[from] KeyError),
    /// More than anybody needs.
    #[error("{path} holds more than {KEYS_MAX} keys")]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

impl TrustedKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Reads one key from a file, or every `*.pub` of a folder, that nobody but root
    /// and this user can change.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let failed = |source| TrustError::Read {
            path: path.into(),
            source,
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_dir() {
            return Ok(Self(vec![PublicKey::read(path)?]));
        }
        let wanted = "others can add keys to it; chmod 755 is right";
        if let Some(error) = open_to_others(path, &metadata, 0o022, wanted) {
            return Err(error.into());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_none_or(|found| found != EXTENSION) {
                continue;
            }
            if files.len() == KEYS_MAX {
                return Err(TrustError::TooMany { path: path.into() });
            }
            files.push(file);
        }
        // In the same order each time, so that the same error is told.
        files.sort();
        let keys: Result<Vec<_>, _> = files.iter().map(|file| PublicKey::read(file)).collect();
        Ok(Self(keys?))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nobody is trusted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this number.
    pub(super) fn find(&self, id: KeyId) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::bundle::PrivateKey;

    #[test]
    fn a_file_or_a_folder_of_keys_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let ids: Vec<KeyId> = ["a.pub", "b.pub"]
            .iter()
            .enumerate()
            .map(|(number, name)| {
                let seed = [u8::try_from(number).unwrap(); 32];
                let key = PrivateKey::from_seeds(seed, seed);
                key.public().write(&directory.path().join(name)).unwrap();
                key.public().id()
            })
            .collect();
        fs::write(directory.path().join("notes.txt"), "no key").unwrap();
        let all = TrustedKeys::read(directory.path()).unwrap();
        assert_eq!(all.len(), 2);
        assert!(ids.iter().all(|id| all.find(*id).is_some()));
        let one = TrustedKeys::read(&directory.path().join("b.pub")).unwrap();
        assert!(one.find(ids[0]).is_none() && one.find(ids[1]).is_some());
    }

    #[test]
    fn a_wrong_key_or_an_open_folder_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("wrong.pub"), "{}").unwrap();
        let error = TrustedKeys::read(directory.path()).unwrap_err();
        assert!(
            matches!(error, TrustError::Key(KeyError::Content { .. })),
            "{error}"
        );
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = TrustedKeys::read(directory.path()).unwrap_err();
        assert!(
            matches!(error, TrustError::Key(KeyError::Open { .. })),
            "{error}"
        );
        let error = TrustedKeys::read(Path::new("/nonexistent/keys")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/keys"), "{error}");
    }
}
