//! Memory that the start, or the trial of a new model, took and that a running sensor
//! does not need.

use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};

/// Gives the system back what is not needed again: what the heap holds and nobody
/// uses, and the pages of the program and its libraries that were mapped for the
/// start (the loader of the kernel programs, the reader of the model). What is
/// used is mapped again, from the system's cache of files.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call has no preconditions (`malloc_trim(3)`).
    unsafe {
        libc::malloc_trim(0);
    }
    let maps = match Process::myself().and_then(|own| own.smaps()) {
        Ok(maps) => maps,
        Err(error) => {
            tracing::debug!(%error, "the pages of the program stay mapped");
            return;
        }
    };
    for map in maps.iter().filter(|map| is_as_in_its_file(map)) {
        unmap_pages(map.address);
    }
}

/// Whether nothing is in the mapping but what its file has: nobody may write
/// there, and nobody did (as the linker does where addresses are filled in).
fn is_as_in_its_file(map: &MemoryMap) -> bool {
    let permissions = map.perms;
    matches!(map.pathname, MMapPath::Path(_))
        && permissions.contains(MMPermissions::PRIVATE)
        && !permissions.contains(MMPermissions::WRITE)
        && map.extension.map.get("Anonymous") == Some(&0)
}

fn unmap_pages((start, end): (u64, u64)) {
    let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
        return;
    };
    // SAFETY: the pages are those of a file and were never written to; the next
    // access finds them in the file again (`madvise(2)`).
    let result = unsafe {
        libc::madvise(
            start as *mut libc::c_void,
            end.saturating_sub(start),
            libc::MADV_DONTNEED,
        )
    };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        tracing::debug!(%error, "some pages of the program stay mapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident(maps: impl Fn(&MemoryMap) -> bool) -> u64 {
        let all = Process::myself().unwrap().smaps().unwrap();
        let found = all.iter().filter(|map| maps(map));
        found.map(|map| map.extension.map["Rss"]).sum()
    }

    #[test]
    fn the_program_goes_on_with_fewer_pages() {
        let before = resident(is_as_in_its_file);
        give_back();
        let after = resident(is_as_in_its_file);
        assert!(after < before, "{before} {after}");
    }

    #[test]
    fn what_was_written_to_is_kept() {
        let all = Process::myself().unwrap().smaps().unwrap();
        for map in &all {
            let written = map.extension.map.get("Anonymous") != Some(&0);
            if written || map.perms.contains(MMPermissions::WRITE) {
                assert!(!is_as_in_its_file(map), "{map:?}");
            }
        }
    }
}
