use std::{
    fs,
    path::{Path, PathBuf},
};

use btfparse::{Offset, Readable, TypeInformation, TypeVariant};
use sensor_common::Offsets;
use thiserror::Error;

/// What the kernel programs must know of the running kernel.
#[derive(Clone, Copy, Debug)]
pub struct KernelTypes {
    /// Where structure members lie.
    pub offsets: Offsets,
    /// `sched_process_exit` says whether the last thread ends (6.16 and later).
    pub exit_has_group_dead: bool,
}

/// Why the kernel's types could not be read.
#[derive(Debug, Error)]
pub enum OffsetError {
    /// The file cannot be read.
    #[error(
        "cannot read the kernel's type information (BTF) from {path}: {source}; \
         the kernel must be built with CONFIG_DEBUG_INFO_BTF=y"
    )]
    Read {
        /// The BTF file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not BTF.
    #[error("{path} is not valid type information (BTF): {reason}")]
    Parse {
        /// The BTF file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A member that a hook needs is not there.
    #[error(
        "{path} has no member {structure}.{members}: this kernel's layout is not known to the sensor"
    )]
    Missing {
        /// The BTF file.
        path: PathBuf,
        /// The structure.
        structure: &'static str,
        /// The names tried.
        members: String,
    },
}

struct Bytes(Vec<u8>);

impl Readable for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let source = start
            .checked_add(buffer.len())
            .and_then(|end| self.0.get(start..end))
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        buffer.copy_from_slice(source);
        Ok(())
    }
}

impl KernelTypes {
    /// Reads BTF, usually `/sys/kernel/btf/vmlinux` (about 90 ms).
    pub fn read(path: &Path) -> Result<Self, OffsetError> {
        let bytes = fs::read(path).map_err(|source| OffsetError::Read {
            path: path.into(),
            source,
        })?;
        let types = TypeInformation::new(&Bytes(bytes)).map_err(|error| OffsetError::Parse {
            path: path.into(),
            reason: format!("{error:?}"),
        })?;
        let mut values = [0; Offsets::SOURCES.len()];
        for (value, &(structure, members)) in values.iter_mut().zip(Offsets::SOURCES) {
            *value = members
                .iter()
                .find_map(|member| offset_of(&types, structure, member))
                .ok_or_else(|| OffsetError::Missing {
                    path: path.into(),
                    structure,
                    members: members.join(" or ."),
                })?;
        }
        Ok(Self {
            offsets: Offsets::from_values(values),
            exit_has_group_dead: tracepoint_arguments(&types, "sched_process_exit") > Some(1),
        })
    }
}

fn offset_of(types: &TypeInformation, structure: &str, member: &str) -> Option<u32> {
    let id = types.id_of(structure)?;
    match types.offset_of(id, member).ok()?.1 {
        Offset::ByteOffset(bytes) => Some(bytes),
        Offset::BitOffsetAndSize(..) => None,
    }
}

/// Number of arguments of a tracepoint, from the typedef that the kernel
/// declares for BPF (`include/trace/bpf_probe.h`); its first parameter is the
/// programs' private one and does not count.
fn tracepoint_arguments(types: &TypeInformation, name: &str) -> Option<usize> {
    let id = types.id_of(&format!("btf_trace_{name}"))?;
    let pointer = types.pointee_tid(types.pointee_tid(id).ok()?).ok()?;
    let parameters = match types.from_id(pointer)? {
        TypeVariant::FuncProto(prototype) => prototype.parameter_list().len(),
        _ => return None,
    };
    parameters.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = KernelTypes::read(Path::new("/nonexistent/vmlinux")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/nonexistent/vmlinux") && text.contains("CONFIG_DEBUG_INFO_BTF"));
    }

    #[test]
    fn garbage_is_refused_without_a_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vmlinux");
        for garbage in [
            &b""[..],
            b"\x9f\xeb\x01",
            &[0xff; 4096],
            b"\x9f\xeb\x01\0\x18\0\0\0\xff\xff\xff\xff",
        ] {
            fs::write(&path, garbage).unwrap();
            assert!(KernelTypes::read(&path).is_err());
        }
    }

    #[test]
    fn this_kernel_is_known() {
        let types = KernelTypes::read(Path::new("/sys/kernel/btf/vmlinux")).unwrap();
        assert_ne!(types.offsets.task_tgid, 0);
        assert_eq!(types.offsets.task_tgid, types.offsets.task_pid + 4);
    }
}
