use super::{some_text, text};
use crate::{
    event::{ExecutableMemory, Memfd, Userfault},
    outputs::record::{Hexadecimal, MemoryPart},
};

pub(super) fn memfd_part(memfd: &Memfd<'_>) -> MemoryPart {
    MemoryPart {
        name: Some(text(memfd.name)),
        flags: Some(memfd.flags),
        inode: (memfd.inode != 0).then_some(memfd.inode),
        result: memfd.result,
        ..MemoryPart::default()
    }
}

pub(super) fn executable_part(memory: &ExecutableMemory<'_>) -> MemoryPart {
    MemoryPart {
        address: memory.range.map(|range| Hexadecimal(range.address)),
        length: memory.range.map(|range| range.length),
        protection: Some(memory.protection.letters()),
        changed: Some(memory.changed),
        path: some_text(memory.file),
        ..MemoryPart::default()
    }
}

pub(super) fn userfault_part(userfault: &Userfault) -> MemoryPart {
    MemoryPart {
        flags: Some(userfault.flags),
        result: userfault.result,
        ..MemoryPart::default()
    }
}
