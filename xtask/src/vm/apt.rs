//! apt with a state of its own, for releases that the machine is not set up for.
//!
//! The machine's lists, its cache and what is installed on it are neither read nor changed, so
//! this needs no root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::sources;
use crate::workspace::execute;

const SOURCES: &str = "/etc/apt";
const SYSTEM: &str = "/etc/os-release";

/// The archive of one release of Debian.
pub(super) struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// Keeps its state below a folder.
    pub(super) fn new(folder: &Path, codename: &str) -> Result<Self> {
        let entries = sources::of_machine(Path::new(SOURCES));
        let own = fs::read_to_string(SYSTEM).unwrap_or_default();
        let text = sources::for_release(&entries, codename_of(&own), codename).with_context(|| {
            format!(
                "no entry for Debian's own archive below {SOURCES}, from which one for {codename} \
                 could be made"
            )
        })?;
        let path = |name: &str| -> Result<String> {
            let path = folder.join(name);
            Ok(path
                .to_str()
                .with_context(|| format!("{} is not UTF-8", path.display()))?
                .to_owned())
        };
        for name in ["state/lists/partial", "cache/archives/partial", "sources"] {
            create(&folder.join(name))?;
        }
        let sources = folder.join("sources/debian.sources");
        fs::write(&sources, text).with_context(|| format!("write {}", sources.display()))?;
        let status = folder.join("status");
        fs::write(&status, "").with_context(|| format!("write {}", status.display()))?;
        let settings = [
            ("Dir::State", path("state")?),
            ("Dir::State::status", path("status")?),
            ("Dir::Cache", path("cache")?),
            ("Dir::Etc::SourceList", "/dev/null".to_owned()),
            ("Dir::Etc::SourceParts", path("sources")?),
            // What the machine's owner prefers to install is another matter.
            ("Dir::Etc::Preferences", "/dev/null".to_owned()),
            ("Dir::Etc::PreferencesParts", "/dev/null".to_owned()),
            // Lists that could not be fetched are otherwise only warned of.
            ("APT::Update::Error-Mode", "any".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::Retries", "3".to_owned()),
            // Catalogues for graphical installers, as large as the lists themselves.
            (
                "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled",
                "false".to_owned(),
            ),
            // Its user may not write below the target folder.
            ("APT::Sandbox::User", "root".to_owned()),
        ];
        let mut options = vec!["-qq".to_owned()];
        for (name, value) in settings {
            options.push("-o".to_owned());
            options.push(format!("{name}={value}"));
        }
        Ok(Self { options })
    }

    /// Fetches the lists.
    pub(super) fn update(&self) -> Result<()> {
        succeed(self.command("apt-get").arg("update"), "apt-get update")
    }

    /// Packages whose names begin so, with their versions, as far as the lists go.
    pub(super) fn packages(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let names = self.output(&["pkgnames", prefix])?;
        let names: Vec<_> = names.lines().collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments = vec!["madison"];
        arguments.extend(&names);
        Ok(self
            .output(&arguments)?
            .lines()
            .filter_map(package)
            .collect())
    }

    /// Downloads packages, each `NAME=VERSION`, into a folder, and returns their files.
    pub(super) fn download(&self, packages: &[String], folder: &Path) -> Result<Vec<PathBuf>> {
        succeed(
            self.command("apt-get")
                .arg("download")
                .args(packages)
                .current_dir(folder),
            "apt-get download",
        )?;
        let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
        Ok(entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .collect())
    }

    fn output(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command("apt-cache");
        let output = command
            .args(arguments)
            .output()
            .context("start apt-cache")?;
        if !output.status.success() {
            bail!(
                "`apt-cache {}`: {}: {}",
                arguments[0],
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(Path::new("/usr/bin").join(program));
        command
            .args(&self.options)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// Unpacks a package, and runs nothing of it.
pub(super) fn unpack(package: &Path, folder: &Path) -> Result<()> {
    execute(
        Command::new("/usr/bin/dpkg")
            .arg("-x")
            .arg(package)
            .arg(folder),
    )
}

/// Runs a command, whose many options would only be in the way in a message.
fn succeed(command: &mut Command, name: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("start {name}"))?;
    if !status.success() {
        bail!("`{name}`: {status}");
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))
}

/// `NAME | VERSION | SOURCE`.
fn package(line: &str) -> Option<(String, String)> {
    let mut columns = line.split('|').map(str::trim);
    Some((columns.next()?.to_owned(), columns.next()?.to_owned()))
}

/// The release of Debian that the system says it is.
fn codename_of(system: &str) -> Option<&str> {
    let value = |name: &str| {
        system
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"'))
    };
    // Others number their releases among their own.
    (value("ID") == Some("debian")).then(|| value("VERSION_CODENAME"))?
}

#[cfg(test)]
mod tests {
    use super::{codename_of, package};

    #[test]
    fn lines_of_versions_are_read() {
        assert_eq!(
            package(" linux-image-a |  6.1.192-2 | http://mirror.example/debian main"),
            Some(("linux-image-a".to_owned(), "6.1.192-2".to_owned()))
        );
        assert_eq!(package("no columns"), None);
    }

    #[test]
    fn the_codename_is_debians_with_or_without_quotes() {
        assert_eq!(
            codename_of("ID=debian\nVERSION_CODENAME=bookworm\n"),
            Some("bookworm")
        );
        assert_eq!(
            codename_of("VERSION_CODENAME=\"trixie\"\nID=\"debian\"\n"),
            Some("trixie")
        );
        assert_eq!(codename_of("ID=debian\n"), None);
        assert_eq!(codename_of("ID=other\nVERSION_CODENAME=noble\n"), None);
    }
}
