//! Files that stand for the memory or a disk of the machine. They are opened
//! for reading and not read.

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, makedev, mknodat, open},
    io::Errno,
};

use crate::facts::{Facts, device};

/// `devices open FILE`, or `devices make FILE b|c MAJOR MINOR`: makes the file
/// first.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    let path = arguments[0];
    if act == "make" {
        let number = |index: usize| -> u32 { arguments[index].parse().unwrap() };
        let kind = match arguments[1] {
            "b" => FileType::BlockDevice,
            _ => FileType::CharacterDevice,
        };
        let device = makedev(number(2), number(3));
        mknodat(CWD, path, kind, Mode::RUSR | Mode::WUSR, device).unwrap();
    }
    let file = rustix::fs::stat(path).unwrap();
    facts.set("represents", device(file.st_rdev));
    facts.set_file(path);
    let result = match open(path, OFlags::RDONLY, Mode::empty()) {
        Ok(_) => 0,
        Err(error) => {
            assert!(
                [Errno::NXIO, Errno::PERM, Errno::ACCESS, Errno::NODEV].contains(&error),
                "{error}"
            );
            -error.raw_os_error()
        }
    };
    facts.set("result", result);
    facts.print();
}
