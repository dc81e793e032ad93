//! A path that a second thread rewrites between check and use.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
    thread,
};

use rustix::{
    fd::{FromRawFd, OwnedFd},
    fs::stat,
};

use crate::{call::call, facts::Facts};

/// Opens that reached the watched file before the act is done with.
const ENOUGH: u64 = 100;
/// Opens in all, so that it ends when the race is never lost.
const MOST: u64 = 50_000;
/// Removals in all.
const REMOVALS: u64 = 300;

/// `race open HARMLESS WATCHED`, or `race unlink ONE OTHER`: two paths that
/// differ in their last byte.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    let [first, second] = arguments else {
        panic!("{arguments:?}: two paths");
    };
    let facts = Facts::new();
    // Bytes that two threads may touch at once.
    let path: Vec<AtomicU8> = first.bytes().chain([0]).map(AtomicU8::new).collect();
    let letter = &path[path.len() - 2];
    let faces = [first, second].map(|path| *path.as_bytes().last().unwrap());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for face in faces {
                    letter.store(face, Ordering::Relaxed);
                    for _ in 0..20 {
                        std::hint::spin_loop();
                    }
                }
            }
        });
        match act {
            "open" => open(facts, &path, second),
            "unlink" => unlink(facts, &path, first, second),
            other => panic!("{other}: not a race"),
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Counts the opens that reached the watched file.
fn open(mut facts: Facts, path: &[AtomicU8], watched: &str) {
    let wanted = stat(watched).unwrap();
    let (mut opened, mut reached) = (0, 0);
    while reached < ENOUGH && opened < MOST {
        // SAFETY: the path ends with a zero whatever its last letter is.
        let handle = unsafe { call(libc::SYS_open, [path.as_ptr() as usize, 0]) };
        let handle = i32::try_from(handle).unwrap();
        // SAFETY: just opened, and closed by nobody else.
        let handle = unsafe { OwnedFd::from_raw_fd(handle) };
        let file = rustix::fs::fstat(&handle).unwrap();
        opened += 1;
        if (file.st_ino, file.st_dev) == (wanted.st_ino, wanted.st_dev) {
            reached += 1;
        }
    }
    facts.set("opened", opened);
    facts.set("reached", reached);
    facts.set_file(watched);
    facts.print();
}

/// Notes which of the two files each removal removed, 0 or 1.
fn unlink(mut facts: Facts, path: &[AtomicU8], first: &str, second: &str) {
    let mut removed = Vec::new();
    for _ in 0..REMOVALS {
        for file in [first, second] {
            if !Path::new(file).exists() {
                fs::File::create(file).unwrap();
            }
        }
        // SAFETY: the path ends with a zero whatever its last letter is.
        let result = unsafe { call(libc::SYS_unlink, [path.as_ptr() as usize]) };
        assert_eq!(result, 0);
        removed.push(i32::from(Path::new(first).exists()));
    }
    facts.set("removed", removed);
    facts.print();
}
