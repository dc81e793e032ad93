//! Acts on files.

use std::ffi::{CString, c_void};

use rustix::{
    fd::OwnedFd,
    fs::{
        AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Timespec, Timestamps,
        UTIME_NOW, UTIME_OMIT, Uid, XattrFlags, chmodat, chownat, fchmod, fchown, fsetxattr,
        ftruncate, futimens, linkat, open, openat2, renameat_with, sendfile, setxattr, symlinkat,
        unlinkat, utimensat,
    },
    mm::{MapFlags, ProtFlags, mmap, mprotect},
};

use crate::{call::call, facts::Facts, tiny};

/// File capabilities, version 2: `CAP_NET_RAW`, permitted and effective.
const CAPABILITY: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// More than are recorded of one act in a second.
const FLOOD: usize = 3_000;

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    let path = arguments.first().copied().unwrap_or_default();
    match act {
        "create" | "open" | "append" | "read" | "openat2" => {
            facts.set_open_file(opened(act, path));
        }
        // file read-flood FILE OTHER
        "read-flood" => {
            for _ in 0..FLOOD {
                opened("read", arguments[1]);
            }
            facts.set_open_file(opened("read", path));
        }
        "read-many" => read_many(arguments),
        "environ-of-parent" => {
            let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
            let path = format!("/proc/{parent}/environ");
            let _ = opened("read", &path);
            facts.set("path", path);
        }
        "environ-of-itself" => {
            read_oneself();
            // By the number of a thread that is not the first.
            std::thread::spawn(read_oneself).join().unwrap();
        }
        "chmod-flood" => {
            for _ in 0..FLOOD {
                chmodat(CWD, path, Mode::from_raw_mode(0o640), AtFlags::empty()).unwrap();
            }
            change("chmod", path);
            facts.set_file(path);
        }
        "utime" | "utimes" | "futimesat" | "utimensat" | "futimens" | "accessed" => {
            set_times(act, path);
            facts.set_file(path);
        }
        "program" => {
            tiny::write(path, 3);
            facts.set_file(path);
        }
        "unlink" | "rmdir" => {
            facts.set_file(path);
            let flags = match act {
                "rmdir" => AtFlags::REMOVEDIR,
                _ => AtFlags::empty(),
            };
            unlinkat(CWD, path, flags).unwrap();
        }
        "rename" | "exchange" => {
            facts.set_file(path);
            let flags = match act {
                "exchange" => RenameFlags::EXCHANGE,
                _ => RenameFlags::empty(),
            };
            renameat_with(CWD, path, CWD, arguments[1], flags).unwrap();
        }
        "link" => {
            linkat(CWD, path, CWD, arguments[1], AtFlags::empty()).unwrap();
            facts.set_file(path);
        }
        "symlink" => {
            symlinkat(arguments[1], CWD, path).unwrap();
        }
        "truncate" => {
            truncate(path, 5);
            facts.set_file(path);
        }
        "ftruncate" => {
            let file = opened("open", path);
            ftruncate(&file, 5).unwrap();
            facts.set_open_file(file);
        }
        "map" | "map-later" => {
            facts.set_file(path);
            map(path, act == "map");
        }
        "chmod" | "fchmod" | "chown" | "fchown" | "setxattr" | "fsetxattr" => {
            change(act, path);
            facts.set_file(path);
        }
        _ => {
            write(act, path, arguments);
            facts.set_file(path);
        }
    }
    facts.print();
}

/// Sets the times of a file to some of the year 2001, and to now before.
fn set_times(act: &str, path: &str) {
    const SECONDS: i64 = 1_000_000_000;
    let now = || Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let given = |tv_nsec| Timespec {
        tv_sec: SECONDS,
        tv_nsec,
    };
    let both_now = Timestamps {
        last_access: now(),
        last_modification: now(),
    };
    utimensat(CWD, path, &both_now, AtFlags::empty()).unwrap();
    let name = CString::new(path).unwrap();
    let (name, none) = (name.as_ptr() as usize, 0);
    let here = libc::AT_FDCWD.cast_unsigned() as usize;
    let times = Timestamps {
        last_access: given(5),
        last_modification: given(7),
    };
    // Access, modification, each with microseconds; and the same as seconds alone.
    let microseconds = [SECONDS, 5, SECONDS, 7];
    let microseconds = microseconds.as_ptr() as usize;
    let seconds = [SECONDS, SECONDS];
    let seconds = seconds.as_ptr() as usize;
    // SAFETY: the path ends with a zero, and the times are as long as each call reads.
    let result = unsafe {
        match act {
            "utime" => {
                assert_eq!(call(libc::SYS_utime, [name, none]), 0);
                call(libc::SYS_utime, [name, seconds])
            }
            "utimes" => call(libc::SYS_utimes, [name, microseconds]),
            "futimesat" => call(libc::SYS_futimesat, [here, name, microseconds]),
            "utimensat" => {
                utimensat(CWD, path, &times, AtFlags::empty()).unwrap();
                0
            }
            "accessed" => {
                let times = Timestamps {
                    last_access: given(5),
                    last_modification: Timespec {
                        tv_sec: 0,
                        tv_nsec: UTIME_OMIT,
                    },
                };
                utimensat(CWD, path, &times, AtFlags::empty()).unwrap();
                0
            }
            _ => {
                futimens(opened("open", path), &times).unwrap();
                0
            }
        }
    };
    assert_eq!(result, 0);
}

/// file read-many FILE DIRECTORY FILES DIRECTORIES: half of them in a second thread,
/// and opens that are no reads beside them.
fn read_many(arguments: &[&str]) {
    let number = |index: usize| arguments[index].parse::<u32>().unwrap();
    let (files, directories) = (number(2), number(3));
    let half = || {
        for _ in 0..files / 2 {
            opened("read", arguments[0]);
        }
        for _ in 0..directories / 2 {
            opened("read", arguments[1]);
        }
        opened("open", arguments[0]);
        open(arguments[0], OFlags::PATH, Mode::empty()).unwrap();
        open("/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    };
    half();
    std::thread::scope(|scope| scope.spawn(half).join().unwrap());
}

/// Reads what proc has of this process and of this thread.
fn read_oneself() {
    for name in ["self/environ", "self/maps", "thread-self/environ"] {
        let _ = opened("read", &format!("/proc/{name}"));
    }
}

/// Cuts a file by its name.
fn truncate(path: &str, length: usize) {
    let path = CString::new(path).unwrap();
    // SAFETY: the path ends with a zero.
    let result = unsafe { call(libc::SYS_truncate, [path.as_ptr() as usize, length]) };
    assert_eq!(result, 0);
}

fn opened(act: &str, path: &str) -> OwnedFd {
    let mode = Mode::from_raw_mode(0o640);
    match act {
        "create" => open(path, OFlags::CREATE | OFlags::WRONLY | OFlags::EXCL, mode),
        "open" => open(path, OFlags::RDWR, mode),
        "append" => open(path, OFlags::WRONLY | OFlags::APPEND, mode),
        "read" => open(path, OFlags::RDONLY, mode),
        _ => openat2(
            CWD,
            path,
            OFlags::CREATE | OFlags::WRONLY,
            mode,
            ResolveFlags::NO_MAGICLINKS,
        ),
    }
    .unwrap()
}

/// Changes permission bits, owner or attributes, by name or by descriptor.
fn change(act: &str, path: &str) {
    let setuid = Mode::from_raw_mode(0o4755);
    let owner = Some(Uid::from_raw(1_234));
    let group = Some(Gid::from_raw(4_321));
    let attribute = "security.capability";
    match act {
        "chmod" => chmodat(CWD, path, setuid, AtFlags::empty()),
        "fchmod" => fchmod(opened("open", path), setuid),
        "chown" => chownat(CWD, path, owner, None, AtFlags::empty()),
        "fchown" => fchown(opened("open", path), owner, group),
        "setxattr" => setxattr(path, attribute, &CAPABILITY, XattrFlags::empty()),
        _ => fsetxattr(
            opened("open", path),
            attribute,
            &CAPABILITY,
            XattrFlags::CREATE,
        ),
    }
    .unwrap();
}

/// Maps a file shared and writable, at once or by a later change.
fn map(path: &str, at_once: bool) {
    let file = opened("open", path);
    let writable = ProtFlags::READ | ProtFlags::WRITE;
    let first = if at_once { writable } else { ProtFlags::READ };
    // SAFETY: a mapping of its own, that nothing is kept in.
    unsafe {
        let address = mmap(
            std::ptr::null_mut(),
            4_096,
            first,
            MapFlags::SHARED,
            &file,
            0,
        )
        .unwrap();
        if !at_once {
            let writable = rustix::mm::MprotectFlags::READ | rustix::mm::MprotectFlags::WRITE;
            mprotect(address.cast::<c_void>(), 4_096, writable).unwrap();
        }
    }
}

/// Writes to a file in one of many ways.
fn write(act: &str, path: &str, arguments: &[&str]) {
    use std::io::IoSlice;
    let file = opened("open", path);
    let bytes = b"words";
    let written = match act {
        "write" => rustix::io::write(&file, bytes).unwrap(),
        "writev" => rustix::io::writev(&file, &[IoSlice::new(bytes)]).unwrap(),
        "pwrite" => rustix::io::pwrite(&file, bytes, 0).unwrap(),
        "pwritev" => rustix::io::pwritev(&file, &[IoSlice::new(bytes)], 0).unwrap(),
        "sendfile" => sendfile(&file, opened("read", arguments[1]), None, bytes.len()).unwrap(),
        "copy-range" => {
            let source = opened("read", arguments[1]);
            rustix::fs::copy_file_range(source, None, &file, None, bytes.len()).unwrap()
        }
        "splice" => {
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            rustix::io::write(writer, bytes).unwrap();
            let flags = rustix::pipe::SpliceFlags::empty();
            rustix::pipe::splice(reader, None, &file, None, bytes.len(), flags).unwrap()
        }
        other => panic!("{other}: not an act on files"),
    };
    assert_eq!(written, bytes.len());
}
