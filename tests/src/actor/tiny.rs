//! The smallest of programs: nothing but an end, faster than any reader.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Where the kernel puts it.
const BASE: u64 = 0x40_0000;
const HEADERS: u16 = 64 + 56;

/// An ELF program for x86-64 that ends with this code.
pub(crate) fn program(code: u8) -> Vec<u8> {
    // mov edi, CODE; mov eax, exit_group; syscall
    let text = [0xbf, code, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];
    let length = u64::from(HEADERS) + text.len() as u64;
    let mut elf = Vec::new();
    // 64 bits, little-endian, version 1.
    elf.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let half = |elf: &mut Vec<u8>, value: u16| elf.extend_from_slice(&value.to_le_bytes());
    let word = |elf: &mut Vec<u8>, value: u32| elf.extend_from_slice(&value.to_le_bytes());
    let long = |elf: &mut Vec<u8>, value: u64| elf.extend_from_slice(&value.to_le_bytes());
    half(&mut elf, 2); // an executable
    half(&mut elf, 62); // for x86-64
    word(&mut elf, 1);
    long(&mut elf, BASE + u64::from(HEADERS)); // starts here
    long(&mut elf, 64); // program headers
    long(&mut elf, 0); // no sections
    word(&mut elf, 0);
    for value in [64, 56, 1, 0, 0, 0] {
        half(&mut elf, value);
    }
    word(&mut elf, 1); // to be loaded
    word(&mut elf, 5); // readable and executable
    for value in [0, BASE, BASE, length, length, 0x1000] {
        long(&mut elf, value);
    }
    elf.extend_from_slice(&text);
    elf
}

/// Writes the program to a file that can be run.
pub(crate) fn write(path: impl AsRef<Path>, code: u8) {
    fs::write(&path, program(code)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}
