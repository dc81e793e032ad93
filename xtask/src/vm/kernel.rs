//! A kernel in the cache: its image and its modules.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace::shown;

/// How modules may be compressed, and what writes them out again.
const UNPACKERS: [(&str, &str); 3] = [("ko.xz", "xz"), ("ko.zst", "zstd"), ("ko.gz", "gzip")];

/// An unpacked kernel.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    /// What `uname -r` says on it.
    pub(super) release: String,
    /// The version of its package.
    pub(super) version: String,
    folder: PathBuf,
}

impl Kernel {
    /// The kernel in a folder of the cache, which is called by its release and its version.
    pub(super) fn in_folder(folder: &Path) -> Option<Self> {
        let (release, version) = folder.file_name()?.to_str()?.split_once('_')?;
        let kernel = Self {
            release: release.to_owned(),
            version: version.to_owned(),
            folder: folder.to_owned(),
        };
        kernel.image().ok().map(|_| kernel)
    }

    /// What a boot loader starts.
    pub(super) fn image(&self) -> Result<PathBuf> {
        let release = &self.release;
        // Newer packages keep it with the modules.
        [
            format!("boot/vmlinuz-{release}"),
            format!("usr/lib/modules/{release}/vmlinuz"),
        ]
        .iter()
        .map(|path| self.folder.join(path))
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "{} holds no image of a kernel. Remove that folder, and it will be fetched anew",
                self.folder.display()
            )
        })
    }

    /// A module as it is loaded, found by its name and no longer compressed.
    pub(super) fn module(&self, name: &str) -> Result<Vec<u8>> {
        let path = ["lib/modules", "usr/lib/modules"]
            .iter()
            .map(|parent| self.folder.join(parent).join(&self.release).join("kernel"))
            .find_map(|folder| find(&folder, name))
            .with_context(|| format!("kernel {} has no module {name}", self.release))?;
        read(&path)
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    entries.iter().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path, name);
        }
        let (stem, extension) = path.file_name()?.to_str()?.split_once('.')?;
        let is_module = extension == "ko" || UNPACKERS.iter().any(|(known, _)| *known == extension);
        // In the names of modules both signs mean the same.
        (is_module && stem.replace('-', "_") == name.replace('-', "_")).then_some(path)
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let name = path.to_string_lossy();
    let Some((_, unpacker)) = UNPACKERS
        .iter()
        .find(|(extension, _)| name.ends_with(&format!(".{extension}")))
    else {
        return fs::read(path).with_context(|| format!("read {name}"));
    };
    let mut command = Command::new(unpacker);
    let output = command
        .args(["--decompress", "--stdout"])
        .arg(path)
        .output()
        .with_context(|| {
            format!(
                "start {}, which the module is compressed with",
                shown(&command)
            )
        })?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            shown(&command),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    ensure!(
        output.stdout.starts_with(b"\x7fELF"),
        "{name} is no module once it is unpacked"
    );
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Kernel;

    #[test]
    fn both_places_of_the_image_are_known() {
        let cache = tempfile::tempdir().expect("a folder");
        for (folder, image) in [
            ("6.1.0-56-cloud_6.1.192-2", "boot/vmlinuz-6.1.0-56-cloud"),
            (
                "7.2.13-cloud_7.2.13-1",
                "usr/lib/modules/7.2.13-cloud/vmlinuz",
            ),
        ] {
            let folder = cache.path().join(folder);
            assert!(Kernel::in_folder(&folder).is_none());
            let image = folder.join(image);
            fs::create_dir_all(image.parent().expect("a parent")).expect("create the folder");
            fs::write(&image, "").expect("write the image");
            let kernel = Kernel::in_folder(&folder).expect("a kernel");
            assert_eq!(kernel.image().expect("an image"), image);
        }
    }

    #[test]
    fn a_module_is_found_wherever_it_lies() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("6.1-cloud_6.1.192-2");
        let modules = folder.join("lib/modules/6.1-cloud/kernel/drivers/net");
        fs::create_dir_all(&modules).expect("create the folder");
        fs::create_dir_all(folder.join("boot")).expect("create the folder");
        fs::write(folder.join("boot/vmlinuz-6.1-cloud"), "").expect("write the image");
        fs::write(modules.join("dummy-net.ko"), "the module").expect("write the module");
        fs::write(modules.join("dummy_net.txt"), "no module").expect("write another file");
        let kernel = Kernel::in_folder(&folder).expect("a kernel");
        assert_eq!(kernel.module("dummy_net").expect("found"), b"the module");
        assert_eq!(
            kernel.module("absent").expect_err("absent").to_string(),
            "kernel 6.1-cloud has no module absent"
        );
    }
}
