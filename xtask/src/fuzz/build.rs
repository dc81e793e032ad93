use std::{env, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    debian,
    setup::{self, Consent},
    toolchain::Search,
    workspace::{self, execute},
};

/// A profile of the workspace in `fuzz/`, and the folder that its binaries go to.
const PROFILE: &str = "fuzz";
const BY_HAND: &str = "  install a C++ compiler, g++ or clang++, with the means of this system";

/// libFuzzer is C++. Its build takes what `CXX` names, or else `c++`.
pub(super) fn ensure_compiler(consent: Consent) -> Result<()> {
    let found = || Search::from_environment().program("c++").is_some();
    if env::var_os("CXX").is_some() || found() {
        return Ok(());
    }
    println!(
        "The fuzz targets cannot be built yet. Missing:\n  - g++ (Debian package): for libFuzzer"
    );
    if !debian::is_here() {
        bail!("this system has no apt-get. Do it by hand:\n{BY_HAND}");
    }
    let packages = ["g++".to_owned()];
    if !workspace::is_root()? {
        bail!(
            "installing packages needs root. Run as root:\n  {}",
            debian::commands(&packages)
        );
    }
    consent.obtain()?;
    setup::install_packages(&packages, BY_HAND)?;
    if !found() {
        bail!("g++ is installed, but there is no c++ in PATH");
    }
    Ok(())
}

/// Builds all targets; the folder of their binaries.
///
/// That folder is beside the ones of other profiles, so the kernel programs, which the agent's library
/// holds, are taken from where they were built for those. Cold, the rest takes two processors about
/// two minutes, most of it for dependencies: sharing theirs would need the same features, profile and
/// lock file in both workspaces, for good.
pub(super) fn build() -> Result<PathBuf> {
    let folder = workspace::root()?.join("fuzz");
    let target = workspace::target_directory()?;
    execute(
        workspace::cargo()?
            .env("RUSTC_WRAPPER", folder.join("instrument.sh"))
            .args(["build", "--bins", "--profile", PROFILE, "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target),
    )
    .context("the fuzz targets were not built")?;
    Ok(target.join(PROFILE))
}
