//! The smallest programs that can be run.
//!
//! Running one costs what the kernel needs for any program and nothing else, so a hook's share of
//! it is the largest there is.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Numbers of `e_machine`, and code of the two programs.
#[cfg(target_arch = "x86_64")]
mod machine {
    pub(super) const NUMBER: u16 = 62;
    // mov eax, 60; xor edi, edi; syscall
    pub(super) const EXIT: &[u8] = &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];
    // xor eax, eax; xor edi, edi; lea rsi, [rsp-8]; mov edx, 1; syscall; and the above
    pub(super) const READ_AND_EXIT: &[u8] = &[
        0x31, 0xc0, 0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0xf8, 0xba, 1, 0, 0, 0, 0x0f, 0x05, 0xb8,
        60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05,
    ];
}
#[cfg(target_arch = "aarch64")]
mod machine {
    pub(super) const NUMBER: u16 = 183;
    // mov x8, #93; mov x0, #0; svc #0
    pub(super) const EXIT: &[u8] = &[
        0xa8, 0x0b, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
    ];
    // mov x8, #63; mov x0, #0; sub x1, sp, #16; mov x2, #1; svc #0; and the above
    pub(super) const READ_AND_EXIT: &[u8] = &[
        0xe8, 0x07, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0xe1, 0x43, 0x00, 0xd1, 0x22, 0x00, 0x80,
        0xd2, 0x01, 0x00, 0x00, 0xd4, 0xa8, 0x0b, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0x01, 0x00,
        0x00, 0xd4,
    ];
}

/// Writes the program that ends at once into `directory`; its path.
pub(super) fn write(directory: &Path) -> Result<PathBuf> {
    write_program(directory.join("small-program"), machine::EXIT)
}

/// Writes the program that ends when there is something to read on its standard input, or nobody left
/// who could write it.
pub(super) fn write_waiting(directory: &Path) -> Result<PathBuf> {
    write_program(directory.join("waiting-program"), machine::READ_AND_EXIT)
}

fn write_program(path: PathBuf, code: &[u8]) -> Result<PathBuf> {
    fs::write(&path, image(code))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// An ELF file of one header, one segment and the code (`elf(5)`).
fn image(code: &[u8]) -> Vec<u8> {
    const ADDRESS: u64 = 0x40_0000;
    const HEADERS: u16 = 64 + 56;
    let length = u64::from(HEADERS) + code.len() as u64;

    let mut file = Vec::new();
    // 64 bits, little endian, version 1; System V.
    file.extend_from_slice(b"\x7fELF\x02\x01\x01");
    file.resize(16, 0);
    for half in [2, machine::NUMBER] {
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
    use std::process::{Command, Stdio};

    #[test]
    fn the_kernel_runs_it() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = super::write(directory.path()).expect("written");
        let status = Command::new(path).status().expect("started");
        assert!(status.success(), "{status}");
    }

    #[test]
    fn one_waits_until_its_input_ends() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = super::write_waiting(directory.path()).expect("written");
        let mut command = Command::new(path);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("started");
        assert!(child.try_wait().expect("asked").is_none());
        drop(child.stdin.take());
        let status = child.wait().expect("waited");
        assert!(status.success(), "{status}");
    }
}
