use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::Signer as _;
use ml_dsa::{EncodedVerifyingKey, Keypair as _, MlDsa65, SignatureEncoding as _};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    SignatureKind,
    hexadecimal::{bytes, hexadecimal},
};

/// Bytes of an Ed25519 signature.
pub(super) const ED25519_BYTES: u64 = 64;

/// Bytes of an ML-DSA-65 signature (FIPS 204, table 2).
pub(super) const ML_DSA_BYTES: u64 = 3_309;

/// Bytes of an ML-DSA-65 public key, likewise.
const ML_DSA_PUBLIC_BYTES: usize = 1_952;

/// Largest key file, in bytes.
const FILE_MAX: u64 = 64 << 10;

/// What stands before the manifest in what is signed, so that a signature for
/// something else can never be one for a model.
const DOMAIN: &[u8] = b"sensor model bundle 1\0";

/// Which key: a SHA-256 over both public keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; 32]);

impl std::fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hexadecimal(&self.0[..8]))
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

/// Both signatures of a bundle, as they lie in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signatures<'a> {
    pub(super) ed25519: &'a [u8],
    pub(super) ml_dsa: &'a [u8],
}

/// What signs bundles: an Ed25519 and an ML-DSA-65 key.
pub struct PrivateKey {
    ed25519: ed25519_dalek::SigningKey,
    ml_dsa: ml_dsa::SigningKey<MlDsa65>,
    public: PublicKey,
}

/// What tells that a bundle was signed by its other half.
#[derive(Clone, Debug)]
pub struct PublicKey {
    ed25519: ed25519_dalek::VerifyingKey,
    ml_dsa: ml_dsa::VerifyingKey<MlDsa65>,
    id: KeyId,
}

/// Why a key was refused.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot {act} the key {path}")]
    File {
        /// `read` or `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("cannot make a key: the system gives no random numbers")]
    Random(#[source] io::Error),
    /// Others can read a private key, or write a public one.
    #[error("the key {path} has mode {found:04o} and owner {owner}: {wanted}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        found: u32,
        /// Its owner.
        owner: u32,
        /// What would be right.
        wanted: &'static str,
    },
    /// The file holds no key.
    #[error("the key {path} is not right: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// A private key's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateFile {
    kind: PrivateKind,
    ed25519_seed: String,
    ml_dsa_65_seed: String,
}

/// A public key's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicFile {
    kind: PublicKind,
    ed25519: String,
    ml_dsa_65: String,
}

#[derive(Serialize, Deserialize)]
enum PrivateKind {
    #[serde(rename = "sensor model private key 1")]
    One,
}

#[derive(Serialize, Deserialize)]
enum PublicKind {
    #[serde(rename = "sensor model public key 1")]
    One,
}

impl PrivateKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::from_seeds(random()?, random()?))
    }

    /// The key that both seeds stand for.
    pub(super) fn from_seeds(ed25519: [u8; 32], ml_dsa: [u8; 32]) -> Self {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(&ed25519);
        let ml_dsa = ml_dsa::SigningKey::<MlDsa65>::from_seed(&ml_dsa.into());
        let public = PublicKey::new(ed25519.verifying_key(), ml_dsa.verifying_key());
        Self {
            ed25519,
            ml_dsa,
            public,
        }
    }

    /// Its public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Reads a key that nobody else can read.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let file: PrivateFile = read(path, 0o077, "others can read it; chmod 600 is right")?;
        let seed = |name, text: &str| bytes(text).ok_or_else(|| not_hexadecimal(path, name, 32));
        Ok(Self::from_seeds(
            seed("ed25519_seed", &file.ed25519_seed)?,
            seed("ml_dsa_65_seed", &file.ml_dsa_65_seed)?,
        ))
    }

    /// Writes it to a new file that nobody else can read.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let file = PrivateFile {
            kind: PrivateKind::One,
            ed25519_seed: hexadecimal(self.ed25519.as_bytes()),
            ml_dsa_65_seed: hexadecimal(&self.ml_dsa.to_seed()),
        };
        write(path, &file, 0o600)
    }

    /// Both signatures of a manifest.
    pub(super) fn sign(&self, manifest: &[u8]) -> ([u8; 64], Vec<u8>) {
        let message = message(manifest);
        let ed25519 = self.ed25519.sign(&message);
        let ml_dsa: ml_dsa::Signature<MlDsa65> = self.ml_dsa.sign(&message);
        (ed25519.to_bytes(), ml_dsa.to_bytes().to_vec())
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PrivateKey({})", self.public.id)
    }
}

impl PublicKey {
    fn new(ed25519: ed25519_dalek::VerifyingKey, ml_dsa: ml_dsa::VerifyingKey<MlDsa65>) -> Self {
        let mut digest = Sha256::new();
        digest.update(ed25519.as_bytes());
        digest.update(ml_dsa.encode());
        Self {
            ed25519,
            ml_dsa,
            id: KeyId(digest.finalize().into()),
        }
    }

    /// Which key it is.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Reads a key that nobody but root and this user can change.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let file: PublicFile = read(path, 0o022, "others can change it; chmod 644 is right")?;
        let ed25519 = bytes(&file.ed25519).ok_or_else(|| not_hexadecimal(path, "ed25519", 32))?;
        let ed25519 = ed25519_dalek::VerifyingKey::from_bytes(&ed25519)
            .ok()
            // A key of small order has signatures that hold for anything.
            .filter(|key| !key.is_weak())
            .ok_or_else(|| KeyError::Content {
                path: path.into(),
                reason: String::from("ed25519 is no public key"),
            })?;
        let ml_dsa: [u8; ML_DSA_PUBLIC_BYTES] = bytes(&file.ml_dsa_65)
            .ok_or_else(|| not_hexadecimal(path, "ml_dsa_65", ML_DSA_PUBLIC_BYTES))?;
        let ml_dsa = EncodedVerifyingKey::<MlDsa65>::from(ml_dsa);
        Ok(Self::new(ed25519, ml_dsa::VerifyingKey::decode(&ml_dsa)))
    }

    /// Writes it to a new file.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let file = PublicFile {
            kind: PublicKind::One,
            ed25519: hexadecimal(self.ed25519.as_bytes()),
            ml_dsa_65: hexadecimal(&self.ml_dsa.encode()),
        };
        write(path, &file, 0o644)
    }

    /// Checks both signatures; tells which one does not hold.
    pub(super) fn verify(
        &self,
        manifest: &[u8],
        signatures: &Signatures<'_>,
    ) -> Result<(), SignatureKind> {
        use ml_dsa::Verifier as _;

        let message = message(manifest);
        ed25519_dalek::Signature::from_slice(signatures.ed25519)
            .and_then(|signature| self.ed25519.verify_strict(&message, &signature))
            .map_err(|_| SignatureKind::Ed25519)?;
        ml_dsa::Signature::<MlDsa65>::try_from(signatures.ml_dsa)
            .and_then(|signature| self.ml_dsa.verify(&message, &signature))
            .map_err(|_| SignatureKind::MlDsa65)
    }
}

fn message(manifest: &[u8]) -> Vec<u8> {
    [DOMAIN, manifest].concat()
}

fn random() -> Result<[u8; 32], KeyError> {
    let mut seed = [0; 32];
    let filled = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty());
    // The kernel fills up to 256 bytes in one piece.
    match filled {
        Ok(32) => Ok(seed),
        Ok(_) => Err(KeyError::Random(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(KeyError::Random(error.into())),
    }
}

fn read<T: DeserializeOwned>(
    path: &Path,
    forbidden: u32,
    wanted: &'static str,
) -> Result<T, KeyError> {
    let failed = |source| KeyError::File {
        act: "read",
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // Of the open file: a look by name might be at another one.
    let metadata = file.metadata().map_err(failed)?;
    if let Some(error) = open_to_others(path, &metadata, forbidden, wanted) {
        return Err(error);
    }
    let mut text = String::new();
    file.take(FILE_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    serde_json::from_str(&text).map_err(|error| KeyError::Content {
        path: path.into(),
        reason: error.to_string(),
    })
}

/// The refusal of a file that others can do what they must not with.
pub(super) fn open_to_others(
    path: &Path,
    metadata: &std::fs::Metadata,
    forbidden: u32,
    wanted: &'static str,
) -> Option<KeyError> {
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let own = rustix::process::geteuid().as_raw();
    let refused = mode & forbidden != 0 || (owner != 0 && owner != own);
    refused.then(|| KeyError::Open {
        path: path.into(),
        found: mode,
        owner,
        wanted,
    })
}

fn write<T: Serialize>(path: &Path, file: &T, mode: u32) -> Result<(), KeyError> {
    let failed = |source| KeyError::File {
        act: "write",
        path: path.into(),
        source,
    };
    let text = serde_json::to_string_pretty(file).map_err(|error| failed(error.into()))?;
    // A key that is there is never replaced.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    writeln!(file, "{text}").map_err(failed)?;
    file.sync_all().map_err(failed)
}

fn not_hexadecimal(path: &Path, name: &str, length: usize) -> KeyError {
    KeyError::Content {
        path: path.into(),
        reason: format!("{name} must have {} hexadecimal digits", 2 * length),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (private, public) = (
            directory.path().join("k.key"),
            directory.path().join("k.pub"),
        );
        let key = PrivateKey::generate().unwrap();
        key.write(&private).unwrap();
        key.public().write(&public).unwrap();
        assert_eq!(
            PrivateKey::read(&private).unwrap().public().id(),
            key.public().id()
        );
        assert_eq!(PublicKey::read(&public).unwrap().id(), key.public().id());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&private), 0o600);
        assert_eq!(mode(&public) & 0o022, 0);
        let again = PrivateKey::generate().unwrap();
        assert_ne!(again.public().id(), key.public().id());
        let error = again.write(&private).unwrap_err();
        assert!(
            matches!(error, KeyError::File { act: "write", .. }),
            "{error}"
        );
    }

    #[test]
    fn keys_that_others_reach_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (private, public) = (
            directory.path().join("k.key"),
            directory.path().join("k.pub"),
        );
        let key = PrivateKey::generate().unwrap();
        key.write(&private).unwrap();
        key.public().write(&public).unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&private, 0o640);
        let error = PrivateKey::read(&private).unwrap_err().to_string();
        assert!(
            error.contains("0640") && error.contains("chmod 600"),
            "{error}"
        );
        set(&public, 0o646);
        let error = PublicKey::read(&public).unwrap_err().to_string();
        assert!(
            error.contains("0646") && error.contains("chmod 644"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k.pub");
        let key = PrivateKey::from_seeds([1; 32], [2; 32]);
        key.public().write(&path).unwrap();
        let right = fs::read_to_string(&path).unwrap();
        let own = hexadecimal(key.public().ed25519.as_bytes());
        for (text, part) in [
            (String::new(), "EOF"),
            (
                right.replace("public key 1", "public key 2"),
                "public key 1",
            ),
            (right.replace(&own, &own[2..]), "64 hexadecimal digits"),
            (right.replace(&own, &"0".repeat(64)), "no public key"),
        ] {
            fs::write(&path, text).unwrap();
            let error = PublicKey::read(&path).unwrap_err().to_string();
            assert!(error.contains("k.pub") && error.contains(part), "{error}");
        }
    }
}
