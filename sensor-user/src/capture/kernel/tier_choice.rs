//! Which tier the kernel allows.

use std::{fs::File, io::Read, path::Path};

use rustix::{
    fs::{Mode, OFlags, openat},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
};

/// Where the active security modules are listed.
const LIST: &str = "/sys/kernel/security/lsm";
/// More than any list is long.
const LIST_MAX: u64 = 4096;

/// Whether the BPF LSM is among the active security modules; else why it is
/// not, or cannot be told. A kernel loads LSM programs even when it never calls
/// them.
pub(super) fn bpf_lsm_is_active() -> Result<(), String> {
    let list = active_modules()?;
    if list.trim().split(',').any(|module| module == "bpf") {
        Ok(())
    } else {
        Err(format!(
            "bpf is not among the active security modules ({}); boot with it in lsm=",
            list.trim()
        ))
    }
}

fn active_modules() -> Result<String, String> {
    let file = if Path::new(LIST).exists() {
        File::open(LIST).map_err(|error| format!("cannot read {LIST}: {error}"))?
    } else {
        open_unmounted().map_err(|error| {
            format!("{LIST} is not there, and securityfs cannot be looked into: {error}")
        })?
    };
    let mut list = String::new();
    file.take(LIST_MAX)
        .read_to_string(&mut list)
        .map_err(|error| format!("cannot read the list of security modules: {error}"))?;
    Ok(list)
}

/// The list in a securityfs that nobody else sees: where the system has it
/// unmounted, it stays so.
fn open_unmounted() -> rustix::io::Result<File> {
    let context = fsopen("securityfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let mount = fsmount(
        &context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_RDONLY,
    )?;
    let file = openat(
        &mount,
        "lsm",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_found_mounted_or_not() {
        // Root alone may look into an unmounted one.
        if rustix::process::geteuid().is_root() {
            let mut list = String::new();
            open_unmounted().unwrap().read_to_string(&mut list).unwrap();
            assert!(list.contains("capability"), "{list}");
            assert!(active_modules().unwrap().contains("capability"));
        }
    }
}
