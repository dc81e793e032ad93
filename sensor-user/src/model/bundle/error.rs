use thiserror::Error;

use super::KeyId;

/// One of the two signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// Ed25519.
    Ed25519,
    /// ML-DSA-65.
    MlDsa65,
}

impl std::fmt::Display for SignatureKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::MlDsa65 => "ML-DSA-65",
        })
    }
}

/// Why bytes are no bundle, or none to be trusted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BundleError {
    /// It does not begin as a bundle does.
    #[error("it is no bundle: its first bytes are others")]
    NotABundle,
    /// Its format is of another time.
    #[error("its format is {found}, this sensor reads {expected}")]
    Format {
        /// What it says.
        found: u32,
        /// What would be right.
        expected: u32,
    },
    /// It ends before its end, or goes on after it.
    #[error("it is damaged: {what} takes {expected} bytes, and {found} are there")]
    Length {
        /// Which piece.
        what: &'static str,
        /// How long that is.
        expected: u64,
        /// How much there is.
        found: u64,
    },
    /// A piece is larger than any that is right.
    #[error("its manifest has {found} bytes, at most {most} are allowed")]
    TooLarge {
        /// What it says.
        found: u64,
        /// The bound.
        most: u64,
    },
    /// Nobody who is trusted signed it.
    #[error(
        "it is signed with the key {key}, which is not among the {trusted} that are trusted; \
         `[model] trusted_keys` says where these lie"
    )]
    UnknownKey {
        /// Whose signature it has.
        key: KeyId,
        /// Keys that are trusted.
        trusted: usize,
    },
    /// A signature does not hold.
    #[error("its {kind} signature by the key {key} is wrong: it was changed, or signed by another")]
    Signature {
        /// Which one.
        kind: SignatureKind,
        /// Whose it says to be.
        key: KeyId,
    },
    /// The manifest is none.
    #[error("its manifest is not right: {reason}")]
    Manifest {
        /// Why not.
        reason: String,
    },
    /// A part is not the one that was signed.
    #[error("its part `{role}` has the SHA-256 {found}, its manifest says {expected}")]
    Part {
        /// Which part.
        role: &'static str,
        /// What it has.
        found: String,
        /// What was signed.
        expected: String,
    },
}
