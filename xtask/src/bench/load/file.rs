use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context as _, Result};
use rustix::fs::{FileType, Mode, OFlags, mknodat, open, unlink};

use super::Load;

/// Opens a file for reading and closes it.
pub(in crate::bench) fn open_read(directory: &Path) -> Result<Load> {
    opening(
        directory,
        "open+close, reading",
        OFlags::RDONLY | OFlags::CLOEXEC,
        &[],
    )
}

/// Opens a file for writing and closes it.
pub(in crate::bench) fn open_write(directory: &Path) -> Result<Load> {
    opening(
        directory,
        "open+close, writing",
        OFlags::WRONLY | OFlags::CLOEXEC,
        &["file.open"],
    )
}

fn opening(
    directory: &Path,
    name: &'static str,
    flags: OFlags,
    kinds: &'static [&'static str],
) -> Result<Load> {
    let path = existing(directory, "opened")?;
    Ok(Load::new(name, kinds, move |count| {
        for _ in 0..count {
            drop(open(&path, flags, Mode::empty())?);
        }
        Ok(())
    }))
}

/// Creates a file, closes it, and removes it.
pub(in crate::bench) fn create_unlink(directory: &Path) -> Load {
    // Several of these loads may be at work at a time.
    let path = directory.join(format!("created-{:?}", std::thread::current().id()));
    Load::new(
        "create+unlink",
        &["file.open", "file.unlink"],
        move |count| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            for _ in 0..count {
                drop(open(&path, flags, Mode::RUSR | Mode::WUSR)?);
                unlink(&path)?;
            }
            Ok(())
        },
    )
}

/// Makes a file without opening it, and removes it: one act that hooks look at.
pub(in crate::bench) fn make_unlink(directory: &Path) -> Load {
    let path = directory.join("made");
    Load::new("mknod+unlink", &["file.unlink"], move |count| {
        for _ in 0..count {
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(rustix::fs::CWD, &path, FileType::RegularFile, mode, 0)?;
            unlink(&path)?;
        }
        Ok(())
    })
}

/// Moves a file to another name of the same folder, and back the next time.
pub(in crate::bench) fn rename(directory: &Path) -> Result<Load> {
    let mut names = [
        existing(directory, "renamed")?,
        directory.join("renamed-too"),
    ];
    Ok(Load::new("rename", &["file.rename"], move |count| {
        for _ in 0..count {
            rustix::fs::rename(&names[0], &names[1])?;
            names.swap(0, 1);
        }
        Ok(())
    }))
}

/// Sets a file's permission bits to what they are.
pub(in crate::bench) fn chmod(directory: &Path) -> Result<Load> {
    let path = existing(directory, "changed")?;
    Ok(Load::new("chmod", &["file.chmod"], move |count| {
        for _ in 0..count {
            rustix::fs::chmod(&path, Mode::RUSR | Mode::WUSR)?;
        }
        Ok(())
    }))
}

/// Writes one byte to `/dev/null`.
pub(in crate::bench) fn write_null() -> Result<Load> {
    const PATH: &str = "/dev/null";
    let null = File::options()
        .write(true)
        .open(PATH)
        .with_context(|| format!("open {PATH} for writing"))?;
    Ok(Load::new("write of 1 byte", &[], move |count| {
        for _ in 0..count {
            rustix::io::write(&null, &[0])?;
        }
        Ok(())
    }))
}

/// The path of a file that is there.
fn existing(directory: &Path, name: &str) -> Result<std::path::PathBuf> {
    let path = directory.join(name);
    fs::write(&path, b"").with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
