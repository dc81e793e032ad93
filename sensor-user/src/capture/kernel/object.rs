//! The object with the kernel programs, and what it must know before it is
//! loaded.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, process};

use aya::{
    Btf, Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Map, MapData, ProgramArray},
};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use sensor_common::{Ring, SyscallAct, SyscallTable};
use zerocopy::IntoBytes;

use super::{
    KernelOptions,
    error::{KernelError, load_error, map_error},
    readable::Readable,
    watched_names::WatchedName,
    window,
};
use crate::capture::{CgroupHierarchy, HOOKS, KernelTypes, Tier, When};

/// The kernel programs, built with this agent and compressed by DEFLATE (RFC 1951):
/// four fifths of them are types and lines of source.
static COMPRESSED: &[u8] = include_bytes!(env!("SENSOR_EBPF_OBJECT"));

/// The object as the compiler made it.
pub(super) fn object() -> Result<Vec<u8>, KernelError> {
    /// Several times what it has.
    const BYTES_MAX: usize = 64 << 20;
    decompress_to_vec_with_limit(COMPRESSED, BYTES_MAX).map_err(|error| KernelError::Object {
        reason: error.to_string(),
    })
}

/// Handlers of system calls: those of the first program on them, and those of
/// the second. The kernel empties a program array when its last descriptor
/// closes.
pub(super) struct Handlers {
    pub(super) first: ProgramArray<MapData>,
    pub(super) second: ProgramArray<MapData>,
}

/// Loads the object's maps and its read-only values. `fallen` are the hooks (by
/// their place in the table) that run in the tracepoint tier whatever `tier` is.
pub(super) fn load(
    options: &KernelOptions,
    types: &KernelTypes,
    btf: &Btf,
    tier: Tier,
    fallen: &BTreeMap<usize, String>,
    verifier: VerifierLogLevel,
) -> Result<(Ebpf, Handlers), KernelError> {
    let _span = tracing::debug_span!("make the maps").entered();
    let agent_tgid = process::id();
    let has_task_btf = u8::from(kernel_at_least(5, 11));
    let watches = &options.watches;
    let has_watches = u8::from(!watches.read.is_empty() || !watches.write.is_empty());
    let has_names = u8::from(!watches.names.is_empty());
    let name_filter = WatchedName::filter(&watches.names);
    let cgroup_controller = CgroupHierarchy::of_containers().controller_slot(types);
    let table = SyscallTable::x86_64(&acts(options, tier, fallen));
    let readable = Readable::of(types);
    let readable_type = readable.map_or(0, |readable| readable.structure);
    let mut object = object()?;
    if let Some(readable) = readable {
        readable.complete(&mut object);
    }
    let exclusions = options.exclusions.bits();
    let mount_namespace = initial_mount_namespace();
    let sizes = options.ring_sizes;
    let window_shift = window::shift();
    let quarters = [sizes.critical, sizes.bulk].map(|bytes| u64::from(bytes) / 4);
    let mut loader = EbpfLoader::new();
    loader
        .btf(Some(btf))
        .verifier_log_level(verifier)
        .override_global("OFFSETS", types.offsets.as_bytes(), true)
        .override_global("SYSCALLS", &table.acts[..], true)
        .override_global("AGENT_TGID", &agent_tgid, true)
        .override_global("EXIT_HAS_GROUP_DEAD", &types.exit_has_group_dead, true)
        .override_global("XATTR_HAS_IDMAP", &types.xattr_has_idmap, true)
        .override_global("RENAME_HAS_FLAGS", &types.rename_has_flags, true)
        .override_global("IO_REQUEST_ARGUMENT", &types.io_request_argument, true)
        .override_global("CGROUP_CONTROLLER", &cgroup_controller, true)
        .override_global("WATCHES", &has_watches, true)
        .override_global("WATCHED_NAMES", &has_names, true)
        .override_global("NAME_FILTER", &name_filter[..], true)
        .override_global("HAS_TASK_BTF", &has_task_btf, true)
        .override_global("READABLE_TYPE", &readable_type, true)
        .override_global("EXCLUSIONS", &exclusions, true)
        .override_global("INITIAL_MOUNT_NAMESPACE", &mount_namespace, true)
        .override_global("WINDOW_SHIFT", &window_shift, true)
        .override_global("CRITICAL_RING_QUARTER", &quarters[0], true)
        .override_global("BULK_RING_QUARTER", &quarters[1], true)
        .map_max_entries(Ring::Critical.map_name(), sizes.critical)
        .map_max_entries(Ring::Bulk.map_name(), sizes.bulk);
    let mut ebpf = loader.load(&object).map_err(|error| load_error(&error))?;
    let mut programs = |name| {
        ProgramArray::try_from(take_map(&mut ebpf, name)?).map_err(|error| map_error(name, &error))
    };
    let handlers = Handlers {
        first: programs("SYSCALL_PROGRAMS")?,
        second: programs("SYSCALL_PROGRAMS_SECOND")?,
    };
    Ok((ebpf, handlers))
}

/// The system calls whose exit is of interest.
fn acts(options: &KernelOptions, tier: Tier, fallen: &BTreeMap<usize, String>) -> Vec<SyscallAct> {
    HOOKS
        .iter()
        .enumerate()
        .filter(|(index, hook)| {
            let here = tier == Tier::Tracepoint || fallen.contains_key(index);
            let wanted = match hook.when {
                When::WritesAreWatched => !options.watches.write.is_empty(),
                When::Always | When::KernelHasModules | When::SystemCallsAreSeen => true,
            };
            here && wanted
        })
        .flat_map(|(_, hook)| hook.syscall_acts())
        .collect()
}

/// The mount namespace of the first process; where it has more rights than this
/// one, and may not be looked at, this one's own. 0, which none has, where neither
/// can be told.
fn initial_mount_namespace() -> u32 {
    ["/proc/1/ns/mnt", "/proc/self/ns/mnt"]
        .iter()
        .find_map(|path| fs::metadata(path).ok())
        .and_then(|found| u32::try_from(found.ino()).ok())
        .unwrap_or_default()
}

pub(super) fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, KernelError> {
    ebpf.take_map(name).ok_or_else(|| KernelError::Map {
        name,
        reason: String::from("it is not there"),
    })
}

/// The running kernel's release, such as `6.18.44`.
pub(super) fn kernel_release() -> String {
    let names = rustix::system::uname();
    names.release().to_string_lossy().into_owned()
}

/// True when the running kernel is at least this version.
pub(super) fn kernel_at_least(major: u32, minor: u32) -> bool {
    let release = kernel_release();
    let mut parts = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    let version = (parts.next(), parts.next());
    match version {
        (Some(Ok(found_major)), Some(Ok(found_minor))) => {
            (found_major, found_minor) >= (major, minor)
        }
        _ => false,
    }
}
