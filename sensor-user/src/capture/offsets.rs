use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use sensor_common::Offsets;
use thiserror::Error;

use super::btf::{Kind, TypeInformation};

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

impl KernelTypes {
    /// Reads BTF, usually `/sys/kernel/btf/vmlinux`.
    pub fn read(path: &Path) -> Result<Self, OffsetError> {
        Self::parse(&read(path)?, path)
    }

    /// Takes what is needed from the bytes of the file at `path`.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, OffsetError> {
        let types = TypeInformation::new(bytes).map_err(|reason| OffsetError::Parse {
            path: path.into(),
            reason,
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
            readable_cast: readable_cast(&types),
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

/// The bytes of a BTF file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, OffsetError> {
    fs::read(path).map_err(|source| OffsetError::Read {
        path: path.into(),
        source,
    })
}

fn readable_cast(types: &TypeInformation<'_>) -> Option<(u32, u32)> {
    let function = types.find(Kind::Function, "bpf_rdonly_cast")?;
    // `{ time64_t tv_sec; long tv_nsec; }` (`include/linux/time64.h`)
    let structure = types.find(Kind::Structure, "timespec64")?;
    Some((function, structure))
}

/// Controllers of cgroups, from `enum cgroup_subsys_id`
/// (`include/linux/cgroup-defs.h`).
fn controllers(types: &TypeInformation<'_>) -> Vec<String> {
    let Some(slots) = types.find(Kind::Enumeration, "cgroup_subsys_id") else {
        return Vec::new();
    };
    types
        .values(slots)
        .into_iter()
        .filter_map(|name| str::from_utf8(name).ok()?.strip_suffix("_cgrp_id"))
        .map(String::from)
        .collect()
}

/// Structures by name.
struct Structures<'a> {
    types: &'a TypeInformation<'a>,
    by_name: HashMap<&'a [u8], u32>,
}

impl<'a> Structures<'a> {
    fn new(types: &'a TypeInformation<'a>) -> Self {
        let by_name = types.named(Kind::Structure).collect();
        Self { types, by_name }
    }

    fn offset_of(&self, structure: &str, member: &str) -> Option<u32> {
        let &number = self.by_name.get(structure.as_bytes())?;
        self.types.offset_of(number, member)
    }
}

/// Number of arguments of a tracepoint, from the typedef that the kernel
/// declares for BPF (`include/trace/bpf_probe.h`); its first parameter is the
/// programs' private one and does not count.
fn tracepoint_arguments(types: &TypeInformation<'_>, name: &str) -> Option<usize> {
    let typedef = types.find(Kind::Typedef, &format!("btf_trace_{name}"))?;
    types.parameters(types.pointee(typedef)?)?.checked_sub(1)
}

/// Number of arguments of a function.
fn arguments(types: &TypeInformation<'_>, name: &str) -> Option<usize> {
    let function = types.find(Kind::Function, name)?;
    types.parameters(types.prototype(function)?)
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
        let types = TypeInformation::new(&bytes).unwrap();
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
