//! A watched file by other names: each is opened for reading.

use std::{fs, os::fd::AsRawFd, path::Path};

use rustix::{
    fs::{Mode, OFlags, open},
    mount::mount_bind,
};

use crate::{facts::Facts, mounting};

/// `alias KIND FILE NAME`: NAME is made where the kind needs one.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    let [file, name] = arguments else {
        panic!("{arguments:?}: a file and a name");
    };
    if act == "bind" {
        mounting::leave();
    }
    let mut facts = Facts::new();
    let read = |path: &str| open(path, OFlags::RDONLY, Mode::empty()).unwrap();
    let handle = match act {
        "symlink" => {
            std::os::unix::fs::symlink(file, name).unwrap();
            read(name)
        }
        "hard-link" => {
            fs::hard_link(file, name).unwrap();
            read(name)
        }
        "bind" => {
            fs::write(name, "").unwrap();
            mount_bind(*file, *name).unwrap();
            read(name)
        }
        "root" => read(&format!("/proc/self/root{file}")),
        "directory" => {
            std::env::set_current_dir(Path::new(file).parent().unwrap()).unwrap();
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            read(&format!("/proc/self/cwd/../../{}", below(file, name)))
        }
        "descriptor" => {
            let handle = open(*file, OFlags::PATH, Mode::empty()).unwrap();
            read(&format!("/proc/self/fd/{}", handle.as_raw_fd()))
        }
        other => panic!("{other}: not a kind of alias"),
    };
    facts.set_open_file(handle);
    facts.print();
}

/// The last two directories of a path, and the name.
fn below(file: &str, name: &str) -> String {
    let directory = Path::new(file).parent().unwrap();
    let last = directory.file_name().unwrap().to_str().unwrap();
    let before = directory.parent().unwrap().file_name().unwrap();
    format!("{}/{last}/{name}", before.to_str().unwrap())
}
