//! What each stage of the agent takes for one event.

mod decoding;
mod output;
mod scoring;
mod state;
mod tree_file;
mod wire;
mod world;

use anyhow::Result;
use criterion::Criterion;

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    decoding::measure(&mut criterion);
    state::measure(&mut criterion)?;
    scoring::measure(&mut criterion)?;
    output::measure(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
