//! Signed bundles: one file with a model, what it is called, and two signatures
//! over both.
//!
//! ```text
//! magic 8 │ format 4 │ length of the manifest 4 │ manifest (JSON)
//! key 32 │ Ed25519 64 │ ML-DSA-65 3309 │ the parts, as the manifest lists them
//! ```
//!
//! Numbers are little-endian. What is signed is the manifest, and that has length
//! and SHA-256 of every part. Both signatures must hold: one is for today, the
//! other for the day when the first no longer says anything.

mod container;
mod error;
mod hexadecimal;
mod history;
mod key;
mod manifest;
mod trust;

pub use container::{Bundle, Sealed};
pub use error::{BundleError, SignatureKind};
pub use history::{History, HistoryError};
pub use key::{KeyError, KeyId, PrivateKey, PublicKey};
pub use manifest::{Manifest, Part, PartRole, SchemaIdentity, StrongestAction};
pub use trust::{TrustError, TrustedKeys};

pub use hexadecimal::hexadecimal;
