use sha2::{Digest, Sha256};

use super::{
    BundleError, KeyId, Manifest, PartRole, PrivateKey, TrustedKeys, hexadecimal,
    key::{self, Signatures},
};

/// The first bytes of every bundle. The first is no text, and the last is a line's
/// end: a transfer as text destroys it, and is noticed.
const MAGIC: &[u8; 8] = b"\x8bSMODEL\n";

/// The layout that is written and read.
const FORMAT: u32 = 1;

/// Largest manifest, in bytes.
const MANIFEST_MAX: u64 = 64 << 10;

/// A bundle whose signatures were not looked at yet.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    manifest: &'a [u8],
    key: KeyId,
    signatures: Signatures<'a>,
    parts: &'a [u8],
}

/// A bundle that somebody who is trusted signed, every part as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Who signed it.
    pub key: KeyId,
    parts: Vec<&'a [u8]>,
}

impl<'a> Sealed<'a> {
    /// True when bytes begin as a bundle does: then they are one, or nothing.
    #[must_use]
    pub fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Takes a bundle apart. Nothing in it is believed yet.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(BundleError::NotABundle)?;
        let mut rest = Pieces(rest);
        let found = rest.number("the format's number")?;
        if found != FORMAT {
            return Err(BundleError::Format {
                found,
                expected: FORMAT,
            });
        }
        let length = u64::from(rest.number("the manifest's length")?);
        if length > MANIFEST_MAX {
            return Err(BundleError::TooLarge {
                found: length,
                most: MANIFEST_MAX,
            });
        }
        Ok(Self {
            manifest: rest.piece("the manifest", length)?,
            key: KeyId(rest.array("the key's number")?),
            signatures: Signatures {
                ed25519: rest.piece("the Ed25519 signature", key::ED25519_BYTES)?,
                ml_dsa: rest.piece("the ML-DSA-65 signature", key::ML_DSA_BYTES)?,
            },
            parts: rest.0,
        })
    }

    /// Who says to have signed it.
    #[must_use]
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// The bundle, when both signatures are by a trusted key, and every part is the
    /// one that was signed.
    pub fn open(&self, trusted: &TrustedKeys) -> Result<Bundle<'a>, BundleError> {
        let key = trusted.find(self.key).ok_or(BundleError::UnknownKey {
            key: self.key,
            trusted: trusted.len(),
        })?;
        key.verify(self.manifest, &self.signatures)
            .map_err(|kind| BundleError::Signature {
                kind,
                key: self.key,
            })?;
        self.unverified()
    }

    /// The bundle, whoever signed it, if anybody did. To look at, never to use.
    pub fn unverified(&self) -> Result<Bundle<'a>, BundleError> {
        let manifest: Manifest =
            serde_json::from_slice(self.manifest).map_err(|error| BundleError::Manifest {
                reason: error.to_string(),
            })?;
        manifest
            .check()
            .map_err(|reason| BundleError::Manifest { reason })?;
        let mut rest = Pieces(self.parts);
        let mut parts = Vec::with_capacity(manifest.parts.len());
        for part in &manifest.parts {
            let bytes = rest.piece(part.role.name(), part.bytes)?;
            let found = hexadecimal(&Sha256::digest(bytes));
            if found != part.sha256 {
                return Err(BundleError::Part {
                    role: part.role.name(),
                    found,
                    expected: part.sha256.clone(),
                });
            }
            parts.push(bytes);
        }
        if !rest.0.is_empty() {
            return Err(BundleError::Length {
                what: "what follows its last part",
                expected: 0,
                found: rest.0.len() as u64,
            });
        }
        Ok(Bundle {
            manifest,
            key: self.key,
            parts,
        })
    }
}

impl<'a> Bundle<'a> {
    /// The bytes of a part, where the bundle has it.
    #[must_use]
    pub fn part(&self, role: PartRole) -> Option<&'a [u8]> {
        let parts = self.manifest.parts.iter().zip(&self.parts);
        parts
            .filter(|(part, _)| part.role == role)
            .map(|(_, bytes)| *bytes)
            .next()
    }

    /// The ONNX file.
    #[must_use]
    pub fn model(&self) -> &'a [u8] {
        self.part(PartRole::Model).unwrap_or_default()
    }

    /// The bytes of a bundle: signed with `key`, with these parts in the order of
    /// the manifest.
    pub fn sign(
        manifest: &Manifest,
        parts: &[&[u8]],
        key: &PrivateKey,
    ) -> Result<Vec<u8>, BundleError> {
        let refused = |reason: String| BundleError::Manifest { reason };
        manifest.check().map_err(refused)?;
        let text = serde_json::to_vec(manifest).map_err(|error| refused(error.to_string()))?;
        let length = u32::try_from(text.len())
            .ok()
            .filter(|length| u64::from(*length) <= MANIFEST_MAX)
            .ok_or(BundleError::TooLarge {
                found: text.len() as u64,
                most: MANIFEST_MAX,
            })?;
        let (ed25519, ml_dsa) = key.sign(&text);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(text);
        bytes.extend(key.public().id().0);
        bytes.extend(ed25519);
        bytes.extend(ml_dsa);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        // What cannot be read again is not given out: parts that are not the
        // manifest's.
        Sealed::read(&bytes)?.unverified()?;
        Ok(bytes)
    }
}

/// Bytes that are cut off from the front.
struct Pieces<'a>(&'a [u8]);

impl<'a> Pieces<'a> {
    fn piece(&mut self, what: &'static str, length: u64) -> Result<&'a [u8], BundleError> {
        let split = usize::try_from(length)
            .ok()
            .and_then(|length| self.0.split_at_checked(length));
        let (piece, rest) = split.ok_or(BundleError::Length {
            what,
            expected: length,
            found: self.0.len() as u64,
        })?;
        self.0 = rest;
        Ok(piece)
    }

    fn array<const LENGTH: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; LENGTH], BundleError> {
        let piece = self.piece(what, LENGTH as u64)?;
        let mut array = [0; LENGTH];
        array.copy_from_slice(piece);
        Ok(array)
    }

    fn number(&mut self, what: &'static str) -> Result<u32, BundleError> {
        self.array(what).map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::bundle::{Part, SignatureKind, StrongestAction, manifest::tests::manifest};

    fn key(number: u8) -> PrivateKey {
        PrivateKey::from_seeds([number; 32], [number ^ 0xff; 32])
    }

    fn trusted(numbers: &[u8]) -> TrustedKeys {
        TrustedKeys::new(numbers.iter().map(|number| key(*number).public().clone()))
    }

    fn sealed() -> Vec<u8> {
        let mut manifest = manifest(3, b"a model");
        manifest.parts.push(Part::of(PartRole::Card, b"{}"));
        Bundle::sign(&manifest, &[b"a model", b"{}"], &key(1)).unwrap()
    }

    fn open(bytes: &[u8], numbers: &[u8]) -> Result<(), BundleError> {
        Sealed::read(bytes)?.open(&trusted(numbers)).map(|_| ())
    }

    #[test]
    fn what_was_signed_is_read() {
        let bytes = sealed();
        assert!(Sealed::begins(&bytes));
        let keys = trusted(&[2, 1]);
        let bundle = Sealed::read(&bytes).unwrap().open(&keys).unwrap();
        assert_eq!(bundle.model(), b"a model");
        assert_eq!(bundle.part(PartRole::Card), Some(&b"{}"[..]));
        assert_eq!(bundle.part(PartRole::DataSheet), None);
        assert_eq!(bundle.manifest.version, 3);
        assert_eq!(bundle.manifest.strongest_action, StrongestAction::Kill);
        assert_eq!(bundle.key, key(1).public().id());
        assert_eq!(bytes, sealed(), "signing twice gives the same bytes");
    }

    #[test]
    fn only_who_is_trusted_is_believed() {
        let error = open(&sealed(), &[2, 3]).unwrap_err();
        let key = key(1).public().id();
        assert_eq!(error, BundleError::UnknownKey { key, trusted: 2 });
        assert!(error.to_string().contains("not among the 2"), "{error}");
    }

    #[test]
    fn each_signature_must_hold_by_itself() {
        let bytes = sealed();
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let ed25519 = 16 + length + 32;
        let ml_dsa = ed25519 + 64;
        let parts = ml_dsa + 3309;
        for (from, to, kind) in [
            (ed25519, ml_dsa, SignatureKind::Ed25519),
            (ml_dsa, parts, SignatureKind::MlDsa65),
        ] {
            let ways: [fn(&mut [u8]); 3] = [
                |signature| signature[5] ^= 1,
                |signature| signature.fill(0),
                |signature| *signature.last_mut().unwrap() ^= 0x80,
            ];
            for break_it in ways {
                let mut broken = bytes.clone();
                break_it(&mut broken[from..to]);
                let error = open(&broken, &[1]).unwrap_err();
                let key = key(1).public().id();
                assert_eq!(error, BundleError::Signature { kind, key });
            }
            // Another's signature of the same manifest in this one's place.
            let mut manifest = manifest(3, b"a model");
            manifest.parts.push(Part::of(PartRole::Card, b"{}"));
            let other = Bundle::sign(&manifest, &[b"a model", b"{}"], &key(9)).unwrap();
            let mut mixed = bytes.clone();
            mixed[from..to].copy_from_slice(&other[from..to]);
            assert!(matches!(
                open(&mixed, &[1, 9]).unwrap_err(),
                BundleError::Signature { kind: found, .. } if found == kind
            ));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = sealed();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(open(&changed, &[1]).is_err(), "byte {at}");
        }
    }

    #[test]
    fn every_cut_and_every_addition_is_noticed() {
        let bytes = sealed();
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length], &[1]).is_err(), "{length}");
        }
        let error = open(&[&bytes[..], b"x"].concat(), &[1]).unwrap_err();
        assert!(
            error.to_string().contains("follows its last part"),
            "{error}"
        );
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut bytes = sealed();
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = Sealed::read(&bytes).unwrap_err().to_string();
        assert!(
            error.contains("4294967295") && error.contains("65536"),
            "{error}"
        );
        let mut bytes = sealed();
        bytes[8] = 9;
        let error = Sealed::read(&bytes).unwrap_err().to_string();
        assert!(error.contains("its format is 9"), "{error}");
    }

    #[test]
    fn parts_that_are_not_the_manifests_are_not_signed() {
        let manifest = manifest(1, b"a model");
        for parts in [&[&b"another"[..]][..], &[], &[b"a model", b"more"]] {
            assert!(Bundle::sign(&manifest, parts, &key(1)).is_err());
        }
    }
}
