//! The agent: from the kernel's rings to a verdict and its consequence.
//!
//! ```text
//! capture ─▶ state ─▶ features ─▶ model ─▶ policy ─▶ response
//!    │         │                              │          │
//!    │         └▶ hash ─┐                     │          │
//!    └──────────────▶ outputs ◀───────────────┴──────────┘
//! ```
//!
//! [`recording`] keeps what `capture` gave, so that the rest can have it again.
//! A stage imports the types of the stages before it and nothing else; only
//! [`cli`] knows them all.

mod bound;
pub mod capture;
pub mod cli;
pub mod event;
pub mod features;
pub mod hash;
pub mod model;
pub mod outputs;
pub mod policy;
pub mod recording;
pub mod response;
pub mod state;
