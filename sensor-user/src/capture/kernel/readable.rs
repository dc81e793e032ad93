//! Plain loads from any address of the kernel.
//!
//! Since Linux 6.2 programs may call `bpf_rdonly_cast` (`kernel/bpf/helpers.c`),
//! by which the verifier takes an address for that of a structure. The call costs
//! nothing, and a load from there about 1 ns instead of the 30 ns of a helper.
//! Aya completes no calls of such functions, so their numbers are put into the
//! object's bytes before it is loaded.

use std::{fs, ops::Range};

use object::{Object as _, ObjectSection as _, SectionKind};
use sensor_common::READABLE_CAST;

use crate::capture::KernelTypes;

/// The kernel's function, and a type to take addresses for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Readable {
    function: u32,
    pub(super) structure: u32,
}

impl Readable {
    /// What the running kernel has; `None` when it has no such function, or takes
    /// no calls of functions as it does not compile programs.
    pub(super) fn of(types: &KernelTypes) -> Option<Self> {
        /// Absent where programs are always compiled.
        const COMPILES: &str = "/proc/sys/net/core/bpf_jit_enable";
        let interpreted = fs::read_to_string(COMPILES).is_ok_and(|state| state.trim() == "0");
        let (function, structure) = types.readable_cast.filter(|_| !interpreted)?;
        Some(Self {
            function,
            structure,
        })
    }

    /// Completes the object's calls. Nothing is done to one that cannot be read:
    /// the loader will say it better.
    pub(super) fn complete(self, object: &mut [u8]) {
        for code in code_of(object) {
            let instructions = object.get_mut(code).unwrap_or_default();
            for instruction in instructions.chunks_exact_mut(8) {
                self.complete_call(instruction);
            }
        }
    }

    /// Completes one instruction, if it is such a call (`struct bpf_insn`,
    /// `include/uapi/linux/bpf.h`).
    fn complete_call(self, instruction: &mut [u8]) {
        /// `BPF_JMP | BPF_CALL`, no registers and no offset, and the number.
        const PREFIX: [u8; 4] = [0x85, 0, 0, 0];
        /// `BPF_PSEUDO_KFUNC_CALL` as the source register.
        const FUNCTION: u8 = 2 << 4;
        if instruction[..4] == PREFIX && instruction[4..] == READABLE_CAST.to_le_bytes() {
            instruction[1] = FUNCTION;
            instruction[4..].copy_from_slice(&self.function.to_le_bytes());
        }
    }
}

/// Where an object has its instructions.
fn code_of(object: &[u8]) -> Vec<Range<usize>> {
    let Ok(file) = object::File::parse(object) else {
        return Vec::new();
    };
    file.sections()
        .filter(|section| section.kind() == SectionKind::Text)
        .filter_map(|section| {
            let (start, length) = section.file_range()?;
            let start = usize::try_from(start).ok()?;
            Some(start..start.checked_add(usize::try_from(length).ok()?)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READABLE: Readable = Readable {
        function: 0x0001_e240,
        structure: 7,
    };

    #[test]
    fn only_its_own_calls_are_completed() {
        let mut call = [0x85, 0, 0, 0, 0x1e, 0xab, 0xad, 0x7e];
        READABLE.complete_call(&mut call);
        assert_eq!(call, [0x85, 0x20, 0, 0, 0x40, 0xe2, 1, 0]);
        for other in [
            // A helper; a function of the object; a number that is loaded.
            [0x85, 0, 0, 0, 113, 0, 0, 0],
            [0x85, 0x10, 0, 0, 0x1e, 0xab, 0xad, 0x7e],
            [0xb7, 0, 0, 0, 0x1e, 0xab, 0xad, 0x7e],
        ] {
            let mut instruction = other;
            READABLE.complete_call(&mut instruction);
            assert_eq!(instruction, other);
        }
    }

    #[test]
    fn the_object_has_such_calls_and_nothing_else_of_it_changes() {
        let object = crate::capture::kernel::object::object().unwrap();
        let mut completed = object.clone();
        READABLE.complete(&mut completed);
        let changed = object
            .chunks_exact(8)
            .zip(completed.chunks_exact(8))
            .filter(|(before, after)| before != after)
            .inspect(|(before, _)| assert_eq!(before[4..], READABLE_CAST.to_le_bytes()))
            .count();
        assert!(changed > 100, "{changed}");
    }

    #[test]
    fn what_is_no_object_is_left_as_it_is() {
        let mut bytes = *b"no object";
        READABLE.complete(&mut bytes);
        assert_eq!(&bytes, b"no object");
    }
}
