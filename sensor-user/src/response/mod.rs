//! Acting on a decision.

mod kill;
mod spare;

pub use kill::{KillError, kill};
pub use spare::Protection;
