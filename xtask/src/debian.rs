//! Debian packages: which are missing, and installing them.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::workspace::execute;

const INSTALL: [&str; 8] = [
    "-qq",
    // Another apt at work, an unattended upgrade for one, is waited for.
    "-o",
    "DPkg::Lock::Timeout=300",
    // Without a terminal of its own dpkg draws no progress bar into the log.
    "-o",
    "Dpkg::Use-Pty=0",
    "install",
    "--yes",
    "--no-install-recommends",
];

/// Whether packages can be had from apt here.
pub(crate) fn is_here() -> bool {
    ["/usr/bin/apt-get", "/usr/bin/dpkg-query"]
        .iter()
        .all(|path| Path::new(path).exists())
}

/// Those of the packages that are not installed.
pub(crate) fn missing(packages: &[String]) -> Result<Vec<String>> {
    // Its exit status is 1 as soon as one package is unknown; what it prints is right all the same.
    let output = Command::new("/usr/bin/dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(packages)
        .output()
        .context("start `dpkg-query --show`")?;
    let listing = String::from_utf8_lossy(&output.stdout);
    Ok(not_installed(packages, &listing))
}

fn not_installed(packages: &[String], listing: &str) -> Vec<String> {
    let installed = |package: &String| {
        listing
            .lines()
            .any(|line| line.split_once(' ') == Some((package.as_str(), "installed")))
    };
    packages
        .iter()
        .filter(|package| !installed(package))
        .cloned()
        .collect()
}

/// Whether apt could install the package, as far as its lists go.
pub(crate) fn is_available(package: &str) -> bool {
    Command::new("/usr/bin/apt-cache")
        .args(["show", package])
        .output()
        .is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}

/// Fetches apt's lists.
pub(crate) fn update() -> Result<()> {
    execute(apt_get().args(["-qq", "update"]))
}

/// Installs the packages without what they merely recommend.
pub(crate) fn install(packages: &[String]) -> Result<()> {
    execute(apt_get().args(INSTALL).args(packages))
}

/// The commands that do what `update` and `install` do, for a message.
pub(crate) fn commands(packages: &[String]) -> String {
    format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("/usr/bin/apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::not_installed;

    #[test]
    fn removed_and_unknown_packages_are_missing() {
        let packages = ["rustc-web", "rust-web-src", "llvm-22-dev"].map(str::to_owned);
        let listing = "rustc-web installed\nrust-web-src config-files\n";
        assert_eq!(
            not_installed(&packages, listing),
            ["rust-web-src", "llvm-22-dev"]
        );
    }

    #[test]
    fn a_package_is_not_taken_for_one_whose_name_it_begins() {
        let packages = ["llvm-22".to_owned()];
        assert_eq!(
            not_installed(&packages, "llvm-22-dev installed\n"),
            ["llvm-22"]
        );
    }
}
