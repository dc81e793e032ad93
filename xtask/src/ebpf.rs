//! `cargo xtask ebpf`: builds the kernel programs alone.

use std::env::consts;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    kernel_object,
    setup::{self, Consent},
    toolchain::Search,
    workspace,
};

/// Build the kernel programs alone, showing the compiler's warnings, and print the objects' paths
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    consent: Consent,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    setup::ensure_ready(arguments.consent)?;
    let toolchain = Search::from_environment().toolchain()?;
    let target = workspace::target_directory()?.join("ebpf");
    let object = kernel_object::build(&toolchain, &workspace::root()?, &target, consts::ARCH)?;
    println!("with debug information: {}", object.display());
    let embedded = target.join("sensor-ebpf");
    kernel_object::copy_without_dwarf(&object, &embedded, &toolchain.compiler)
        .with_context(|| format!("copy {} to {}", object.display(), embedded.display()))?;
    println!("as the agent embeds it: {}", embedded.display());
    Ok(())
}
