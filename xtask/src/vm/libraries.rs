//! The shared libraries that programs are linked to, and the loader that finds them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::workspace::shown;

/// The libraries of all of the programs, at the paths where the loader looks for them.
pub(super) fn of(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut libraries = BTreeSet::new();
    for program in programs {
        let mut command = Command::new("ldd");
        let output = command
            .arg(program)
            .output()
            .with_context(|| format!("start {}", shown(&command)))?;
        // A program that is linked to nothing makes it fail, and so does a file that is no program.
        if !output.status.success() {
            continue;
        }
        let listing = String::from_utf8_lossy(&output.stdout);
        if let Some(name) = missing(&listing) {
            bail!("{} needs {name}, which is not here", program.display());
        }
        libraries.extend(paths(&listing));
    }
    Ok(libraries)
}

fn paths(listing: &str) -> impl Iterator<Item = PathBuf> {
    listing.lines().filter_map(|line| {
        // `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)` for the loader.
        let place = line.split_once("=>").map_or(line, |(_, place)| place);
        let path = place.split_whitespace().next()?;
        Path::new(path).is_absolute().then(|| PathBuf::from(path))
    })
}

fn missing(listing: &str) -> Option<&str> {
    listing
        .lines()
        .find_map(|line| line.trim().strip_suffix("=> not found"))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{missing, paths};

    const LISTING: &str = "\
\tlinux-vdso.so.1 (0x00007fc9f7345000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fc9f501e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007fc9f7347000)
";

    #[test]
    fn libraries_and_loader_are_listed_and_what_the_kernel_gives_is_not() {
        let paths: Vec<_> = paths(LISTING).collect();
        assert_eq!(
            paths,
            [
                PathBuf::from("/lib/x86_64-linux-gnu/libc.so.6"),
                PathBuf::from("/lib64/ld-linux-x86-64.so.2")
            ]
        );
        assert_eq!(missing(LISTING), None);
    }

    #[test]
    fn a_library_that_is_not_there_is_named() {
        assert_eq!(missing("\tlibx.so.1 => not found\n"), Some("libx.so.1"));
    }
}
