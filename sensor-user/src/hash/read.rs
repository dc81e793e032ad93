use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{Advice, CWD, Mode, OFlags, Statx, fadvise, openat},
    io::{self, Errno, read},
};
use sha2::Digest;

use super::{
    NoHash,
    locate::{Located, status},
};
use crate::state::Sha256;

/// Bytes that are read at once.
pub(super) const CHUNK: usize = 128 << 10;

/// Hashes a file of at most `limit` bytes that does not change meanwhile.
///
/// Read in chunks, not mapped: a mapped file that is cut kills who looks at it.
pub(super) fn hash(
    located: &Located,
    limit: u64,
    buffer: &mut [u8],
    stop: &AtomicBool,
) -> Result<Sha256, NoHash> {
    let file = open(&located.file).map_err(|_| NoHash::Unreadable)?;
    // Where the kernel heeds it, a large file's pages do not push out others.
    // No harm where it does not.
    let _ = fadvise(&file, 0, None, Advice::NoReuse);
    let mut hasher = sha2::Sha256::new();
    let mut total = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(NoHash::Unreadable);
        }
        let count = match read(&file, &mut *buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(_) => return Err(NoHash::Unreadable),
        };
        total += count as u64;
        if total > limit {
            return Err(NoHash::TooLarge);
        }
        hasher.update(&buffer[..count]);
    }
    let after = status(&file).map_err(|_| NoHash::Unreadable)?;
    if total != after.stx_size || version(&after) != version(&located.status) {
        return Err(NoHash::Changed);
    }
    Ok(Sha256(hasher.finalize().into()))
}

/// Opens for reading, without a trace in the access time where that is allowed.
/// Does not wait for whoever holds a lease on the file (`fcntl(2)`).
fn open(file: &OwnedFd) -> io::Result<OwnedFd> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    match openat(CWD, link.as_str(), flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, link.as_str(), flags, Mode::empty()),
        result => result,
    }
}

/// What differs when the contents do.
fn version(status: &Statx) -> (i64, u32, i64, u32, u64) {
    (
        status.stx_ctime.tv_sec,
        status.stx_ctime.tv_nsec,
        status.stx_mtime.tv_sec,
        status.stx_mtime.tv_nsec,
        status.stx_size,
    )
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        io::Write,
    };

    use super::*;
    use crate::hash::{
        locate::locate,
        test_support::{Program, executed},
    };

    fn located(program: &Program) -> Located {
        locate(&executed(program), u64::MAX).unwrap()
    }

    fn hash_of(located: &Located, limit: u64) -> Result<Sha256, NoHash> {
        hash(located, limit, &mut [0; 7], &AtomicBool::new(false))
    }

    #[test]
    fn the_hash_is_the_standard_s() {
        // FIPS 180-4, examples.
        let program = Program::new(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
        assert_eq!(
            hash_of(&located(&program), 56).map(|hash| hash.to_string()),
            Ok(String::from(
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ))
        );
    }

    #[test]
    fn a_large_file_is_not_read() {
        let program = Program::new(&[7; 57]);
        let located = located(&program);
        assert_eq!(hash_of(&located, 56), Err(NoHash::TooLarge));
        assert!(hash_of(&located, 57).is_ok());
    }

    #[test]
    fn a_file_that_grows_shrinks_or_changes_has_no_hash() {
        let program = Program::new(&[7; 57]);
        let found = located(&program);
        std::thread::sleep(std::time::Duration::from_millis(100));
        let mut file = OpenOptions::new().append(true).open(&program.path).unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(hash_of(&found, 1_000), Err(NoHash::Changed));

        let found = located(&program);
        file.set_len(3).unwrap();
        assert_eq!(hash_of(&found, 1_000), Err(NoHash::Changed));

        // The same length, within a clock tick or not: the time tells, unless
        // it was the same tick.
        let found = located(&program);
        std::thread::sleep(std::time::Duration::from_millis(100));
        fs::write(&program.path, "new").unwrap();
        assert_eq!(hash_of(&found, 1_000), Err(NoHash::Changed));
    }

    #[test]
    fn a_name_is_not_needed() {
        let program = Program::new(b"x");
        let hash = program.hash();
        let found = located(&program);
        let hard_link = program.path.with_extension("link");
        fs::rename(&program.path, &hard_link).unwrap();
        let renamed = located(&Program::at(hard_link));
        assert_eq!(hash_of(&renamed, 10), Ok(hash));
        drop(found);
    }
}
