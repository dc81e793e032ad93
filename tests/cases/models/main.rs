//! Models: who may give one, what is refused and with which words, and how a new one
//! takes over from the one that runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod by_hand;
mod child;
mod commands;
mod hostile;
mod reload;
mod steps;
