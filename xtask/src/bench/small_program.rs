//! The smallest program that can be run: it ends at once.
//!
//! Running it costs what the kernel needs for any program and nothing else, so a hook's share of
//! it is the largest there is.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// `exit(0)`: the machine's number and the code.
#[cfg(target_arch = "x86_64")]
const MACHINE: (u16, &[u8]) = (
    62,
    // mov eax, 60; xor edi, edi; syscall
    &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
);
#[cfg(target_arch = "aarch64")]
const MACHINE: (u16, &[u8]) = (
    183,
    // mov x8, #93; mov x0, #0; svc #0
    &[
        0xa8, 0x0b, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
    ],
);

/// Writes the program into `directory`; its path.
pub(super) fn write(directory: &Path) -> Result<PathBuf> {
    let path = directory.join("small-program");
    fs::write(&path, image())
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// An ELF file of one header, one segment and the code (`elf(5)`).
fn image() -> Vec<u8> {
    const ADDRESS: u64 = 0x40_0000;
    const HEADERS: u16 = 64 + 56;
    let (machine, code) = MACHINE;
    let length = u64::from(HEADERS) + code.len() as u64;

    let mut file = Vec::new();
    // 64 bits, little endian, version 1; System V.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01");
    file.resize(16, 0);
    for half in [2, machine] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&1_u32.to_le_bytes());
    // Entry, program headers right behind this one, no sections.
    for word in [ADDRESS + u64::from(HEADERS), 64, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(&0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    // PT_LOAD, readable and executable: the whole file.
    for word in [1_u32, 5] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for word in [0, ADDRESS, ADDRESS, length, length, 0x1000] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(code);
    file
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn the_kernel_runs_it() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = super::write(directory.path()).expect("written");
        let status = Command::new(path).status().expect("started");
        assert!(status.success(), "{status}");
    }
}
