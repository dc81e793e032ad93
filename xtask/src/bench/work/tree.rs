use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    Work,
    tool::{find, run},
};
use crate::toolchain::Search;

pub(super) const FIND: &str = "find over 20 000 files";
pub(super) const TAR: &str = "tar and gzip of 20 000 files";

const FOLDERS: usize = 200;
const FILES: usize = 100;

/// Walks the tree and asks for the size of each file.
pub(super) fn prepare_find(directory: &Path, search: &Search) -> Result<Work> {
    let program = find(search, "find", "findutils")?;
    let tree = make(directory)?;
    Ok(Work::new(FIND, move || {
        let mut command = Command::new(&program);
        run(command
            .arg(&tree)
            .args(["-type", "f", "-size", "+100k", "-print"]))
    }))
}

/// Reads the tree into a compressed archive.
pub(super) fn prepare_tar(directory: &Path, search: &Search) -> Result<Work> {
    let program = find(search, "tar", "tar")?;
    find(search, "gzip", "gzip")?;
    let tree = make(directory)?;
    let archive = directory.join("tree.tar.gz");
    Ok(Work::new(TAR, move || {
        let mut command = Command::new(&program);
        command.args(["--create", "--gzip", "--file"]).arg(&archive);
        run(command.arg("--directory").arg(&tree).arg("."))
    }))
}

/// The tree; it is made by whoever needs it first.
fn make(directory: &Path) -> Result<PathBuf> {
    let tree = directory.join("tree");
    if tree.exists() {
        return Ok(tree);
    }
    // A tree that is not whole is not there.
    let unfinished = directory.join("tree-unfinished");
    for folder in 0..FOLDERS {
        let folder = unfinished.join(format!("folder{folder:03}"));
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        for file in 0..FILES {
            let path = folder.join(format!("file{file:02}.txt"));
            fs::write(&path, text(file)).with_context(|| format!("write {}", path.display()))?;
        }
    }
    fs::rename(&unfinished, &tree).with_context(|| format!("make {}", tree.display()))?;
    Ok(tree)
}

/// Half a kilobyte that compresses about as text does.
fn text(file: usize) -> String {
    let mut text = String::new();
    let mut number = file;
    while text.len() < 512 {
        number = number.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "request {number} took {} ms", number >> 16);
    }
    text
}
