//! Programs of the host without which nothing can be booted.

use std::{env::consts, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    debian,
    setup::{self, Consent},
    toolchain::Search,
    workspace,
};

const QEMU: &str = "qemu-system-x86_64";
const BUSYBOX: &str = "busybox";
const RUNC: &str = "runc";
/// Each program with the Debian package that has it.
const NEEDED: [(&str, &str); 4] = [
    (QEMU, "qemu-system-x86"),
    (BUSYBOX, "busybox-static"),
    // Makes a real container in the guest.
    (RUNC, "runc"),
    // Modules of newer kernels are compressed.
    ("xz", "xz-utils"),
];
const BY_HAND: &str =
    "  install QEMU for x86 machines, busybox, runc and xz with the means of this system";

/// Where they are.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) qemu: PathBuf,
    pub(super) busybox: PathBuf,
    pub(super) runc: PathBuf,
    /// Good to have: makes the programs smaller.
    pub(super) objcopy: Option<PathBuf>,
}

/// Whether machines can be booted here.
pub(super) enum Readiness {
    Ready(Tools),
    /// Why they cannot.
    Skip(String),
}

/// Finds the tools, installing what is missing. Where that cannot be done the machines are
/// skipped; with `--yes`, as a build server has it, that is an error.
pub(super) fn ensure(consent: Consent) -> Result<Readiness> {
    match impediment()? {
        Some(reason) if consent.is_given() => bail!("no machine can be booted here: {reason}"),
        Some(reason) => return Ok(Readiness::Skip(reason)),
        None => {}
    }
    let packages = packages_of_missing();
    if !packages.is_empty() {
        println!(
            "Kernels cannot be booted yet. Missing:\n  - {} (Debian packages)",
            packages.join(", ")
        );
        consent.obtain()?;
        setup::install_packages(&packages, BY_HAND)?;
    }
    let search = Search::from_environment();
    let find = |program: &str| {
        search
            .program(program)
            .with_context(|| format!("{program} is not in PATH, though its package is installed"))
    };
    Ok(Readiness::Ready(Tools {
        qemu: find(QEMU)?,
        busybox: find(BUSYBOX)?,
        runc: find(RUNC)?,
        objcopy: search.program("objcopy"),
    }))
}

/// What keeps this machine from being made ready.
fn impediment() -> Result<Option<String>> {
    if consts::ARCH != "x86_64" {
        return Ok(Some(format!(
            "the guests are x86_64 and run what is built here, which is {}",
            consts::ARCH
        )));
    }
    if !debian::is_here() {
        return Ok(Some(
            "the kernels are packages of Debian, and this system has no apt-get to download them"
                .to_owned(),
        ));
    }
    let packages = packages_of_missing();
    if packages.is_empty() {
        return Ok(None);
    }
    if !workspace::is_root()? {
        return Ok(Some(format!(
            "installing packages needs root. Run as root:\n  {}",
            debian::commands(&packages)
        )));
    }
    Ok(None)
}

fn packages_of_missing() -> Vec<String> {
    let search = Search::from_environment();
    NEEDED
        .iter()
        .filter(|(program, _)| search.program(program).is_none())
        .map(|(_, package)| (*package).to_owned())
        .collect()
}
