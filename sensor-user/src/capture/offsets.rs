use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use btfparse::{Offset, Readable, TypeInformation, TypeVariant};
use sensor_common::Offsets;
use thiserror::Error;

/// What the kernel programs must know of the running kernel. Numbers are as the
/// programs take them.
#[derive(Clone, Debug)]
pub struct KernelTypes {
    /// Where structure members lie.
    pub offsets: Offsets,
    /// 1 when `sched_process_exit` says whether the last thread ends (6.16 and
    /// later).
    pub exit_has_group_dead: u8,
    /// 1 when the LSM hook `inode_setxattr` has the mount's id map first (5.12
    /// and later).
    pub xattr_has_idmap: u8,
    /// 1 when the LSM hook `path_rename` has flags (after 5.10).
    pub rename_has_flags: u8,
    /// Which argument of the io_uring tracepoint is the request.
    pub io_request_argument: u8,
    /// Type ids of `bpf_rdonly_cast` (6.2 and later), and of a structure that begins
    /// with a number of eight bytes, of which any part may be read.
    pub readable_cast: Option<(u32, u32)>,
    /// Controllers of cgroups in the order of their slots.
    controllers: Vec<String>,
}

/// Why the kernel's types could not be read.
#[derive(Debug, Error)]
pub enum OffsetError {
    /// The file cannot be read.
    #[error(
        "cannot read the kernel's type information (BTF), for which it must be built with \
         CONFIG_DEBUG_INFO_BTF=y, from {path}"
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
        let structures = Structures::new(&types);
        let mut values = [0; Offsets::SOURCES.len()];
        for (value, source) in values.iter_mut().zip(Offsets::SOURCES) {
            let found = source
                .members
                .iter()
                .find_map(|member| structures.offset_of(source.structure, member));
            *value = match found {
                Some(offset) => offset,
                None if source.required => {
                    return Err(OffsetError::Missing {
                        path: path.into(),
                        structure: source.structure,
                        members: source.members.join(" or ."),
                    });
                }
                None => Offsets::ABSENT,
            };
        }
        let submits = "io_uring_submit_sqe";
        Ok(Self {
            offsets: Offsets::from_values(values),
            exit_has_group_dead: u8::from(
                tracepoint_arguments(&types, "sched_process_exit") > Some(1),
            ),
            xattr_has_idmap: u8::from(arguments(&types, "bpf_lsm_inode_setxattr") > Some(5)),
            rename_has_flags: u8::from(arguments(&types, "bpf_lsm_path_rename") > Some(4)),
            // 5.10.y: the context comes first, and five more follow the request.
            io_request_argument: u8::from(tracepoint_arguments(&types, submits) > Some(2)),
            readable_cast: readable_cast(&types, &structures),
            controllers: controllers(&types),
        })
    }

    /// The slot of a controller in the kernel's sets of cgroups.
    #[must_use]
    pub fn controller_slot(&self, controller: &str) -> Option<u8> {
        let slot = self
            .controllers
            .iter()
            .position(|name| name == controller)?;
        u8::try_from(slot).ok()
    }
}

fn readable_cast(types: &TypeInformation, structures: &Structures<'_>) -> Option<(u32, u32)> {
    let function = types.id_of("bpf_rdonly_cast")?;
    let TypeVariant::Func(_) = types.from_id(function)? else {
        return None;
    };
    // `{ time64_t tv_sec; long tv_nsec; }` (`include/linux/time64.h`)
    let structure = *structures.by_name.get("timespec64")?;
    Some((function, structure))
}

/// Controllers of cgroups, from `enum cgroup_subsys_id`
/// (`include/linux/cgroup-defs.h`).
fn controllers(types: &TypeInformation) -> Vec<String> {
    let Some(TypeVariant::Enum(slots)) = types
        .id_of("cgroup_subsys_id")
        .and_then(|id| types.from_id(id))
    else {
        return Vec::new();
    };
    slots
        .named_value_list()
        .iter()
        .filter_map(|slot| slot.name.strip_suffix("_cgrp_id"))
        .map(String::from)
        .collect()
}

/// Structures by name. A function may have a structure's name.
struct Structures<'a> {
    types: &'a TypeInformation,
    by_name: HashMap<String, u32>,
}

impl<'a> Structures<'a> {
    fn new(types: &'a TypeInformation) -> Self {
        let named = |(&id, variant): (&u32, &TypeVariant)| match variant {
            TypeVariant::Struct(structure) => Some((structure.name().clone()?, id)),
            _ => None,
        };
        let by_name = types.get().iter().filter_map(named).collect();
        Self { types, by_name }
    }

    fn offset_of(&self, structure: &str, member: &str) -> Option<u32> {
        let &id = self.by_name.get(structure)?;
        match self.types.offset_of(id, member).ok()?.1 {
            Offset::ByteOffset(bytes) => Some(bytes),
            Offset::BitOffsetAndSize(..) => None,
        }
    }
}

/// Number of arguments of a tracepoint, from the typedef that the kernel
/// declares for BPF (`include/trace/bpf_probe.h`); its first parameter is the
/// programs' private one and does not count.
fn tracepoint_arguments(types: &TypeInformation, name: &str) -> Option<usize> {
    let id = types.id_of(&format!("btf_trace_{name}"))?;
    // Through the typedef and the pointer at once.
    let prototype = types.pointee_tid(id).ok()?;
    parameters(types, prototype)?.checked_sub(1)
}

/// Number of arguments of a function.
fn arguments(types: &TypeInformation, name: &str) -> Option<usize> {
    let TypeVariant::Func(function) = types.from_id(types.id_of(name)?)? else {
        return None;
    };
    parameters(types, *function.prototype_tid())
}

fn parameters(types: &TypeInformation, prototype: u32) -> Option<usize> {
    match types.from_id(prototype)? {
        TypeVariant::FuncProto(prototype) => Some(prototype.parameter_list().len()),
        _ => None,
    }
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
    fn arguments_of_tracepoints_are_counted() {
        let bytes = fs::read("/sys/kernel/btf/vmlinux").unwrap();
        let types = TypeInformation::new(&Bytes(bytes)).unwrap();
        assert_eq!(tracepoint_arguments(&types, "sys_exit"), Some(2));
        assert_eq!(tracepoint_arguments(&types, "sched_process_exec"), Some(3));
        assert_eq!(tracepoint_arguments(&types, "no_such_thing"), None);
        assert_eq!(arguments(&types, "commit_creds"), Some(1));
    }

    #[test]
    fn this_kernel_is_known() {
        let types = KernelTypes::read(Path::new("/sys/kernel/btf/vmlinux")).unwrap();
        assert_ne!(types.offsets.task_tgid, 0);
        assert_eq!(types.offsets.task_tgid, types.offsets.task_pid + 4);
    }
}
