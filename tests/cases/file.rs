//! File acts: content of open, unlink, rename and chmod records.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, open, openat, renameat_with, unlinkat};
use sensor_tests::{Sensor, workplace};
use serde_json::Value;

fn wait(sensor: &mut Sensor, kind: &str, path: &Path) -> Value {
    let path = path.to_str().unwrap();
    let record = sensor.wait_for_act(kind, std::process::id(), |record| {
        record["file"]["path"] == path
    });
    record["file"].clone()
}

#[test]
fn opens_for_writing_and_creations_are_recorded_and_plain_reads_are_not() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let path = directory.join("file");
    fs::write(&path, "x").unwrap();
    let file = wait(&mut sensor, "file.open", &path);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(file["created"], true);
    assert_eq!(file["path_source"], "kernel");
    assert_eq!(file["inode"], metadata.ino());
    let device = metadata.dev();
    assert_eq!(
        file["device"],
        format!(
            "{}:{}",
            rustix::fs::major(device),
            rustix::fs::minor(device)
        )
    );
    assert_eq!(file["mode"], format!("{:04o}", metadata.mode() & 0o7777));
    let flags = OFlags::from_bits_retain(u32::try_from(file["flags"].as_u64().unwrap()).unwrap());
    assert!(
        flags.contains(OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY),
        "{flags:?}"
    );

    let again = directory.join("again");
    fs::write(&again, "x").unwrap();
    wait(&mut sensor, "file.open", &again);
    drop(fs::File::open(&again).unwrap());
    drop(OpenOptions::new().append(true).open(&again).unwrap());
    let last = directory.join("last");
    fs::write(&last, "x").unwrap();
    wait(&mut sensor, "file.open", &last);
    let finished = sensor.stop();
    let opens: Vec<&Value> = finished
        .records
        .of_kind("file.open")
        .filter(|record| record["file"]["path"] == again.to_str().unwrap())
        .map(|record| &record["file"]["created"])
        .collect();
    assert_eq!(opens, [true, false]);
}

#[test]
fn paths_are_the_kernels_whatever_was_asked_for() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let real = directory.join("real");
    fs::create_dir(&real).unwrap();
    let alias = directory.join("alias");
    symlink(&real, &alias).unwrap();

    fs::write(alias.join("through-link"), "x").unwrap();
    wait(&mut sensor, "file.open", &real.join("through-link"));

    let root = PathBuf::from(format!("/proc/self/root{}", real.display()));
    fs::write(root.join("through-root"), "x").unwrap();
    wait(&mut sensor, "file.open", &real.join("through-root"));

    let handle = open(&real, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    let flags = OFlags::CREATE | OFlags::WRONLY;
    drop(openat(&handle, "../real/./relative", flags, Mode::RUSR).unwrap());
    wait(&mut sensor, "file.open", &real.join("relative"));
}

#[test]
fn a_removed_name_is_resolved_through_links_and_descriptors() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let real = directory.join("real");
    fs::create_dir(&real).unwrap();
    let alias = directory.join("alias");
    symlink(&real, &alias).unwrap();
    for name in ["by-link", "by-descriptor", "by-parent"] {
        fs::write(real.join(name), "x").unwrap();
    }

    fs::remove_file(alias.join("by-link")).unwrap();
    let file = wait(&mut sensor, "file.unlink", &real.join("by-link"));
    assert_eq!(file["path_source"], "resolved");
    assert_eq!(file["directory"], false);

    let handle = open(&alias, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap();
    unlinkat(&handle, "by-descriptor", AtFlags::empty()).unwrap();
    let file = wait(&mut sensor, "file.unlink", &real.join("by-descriptor"));
    assert_eq!(file["path_source"], "kernel");

    unlinkat(&handle, "../real/by-parent", AtFlags::empty()).unwrap();
    wait(&mut sensor, "file.unlink", &real.join("by-parent"));

    fs::remove_dir(&real).unwrap();
    let file = wait(&mut sensor, "file.unlink", &real);
    assert_eq!(file["directory"], true);
}

#[test]
fn a_rename_has_both_paths_and_its_flags() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let (from, to) = (directory.join("from"), directory.join("to"));
    fs::write(&from, "x").unwrap();
    fs::rename(&from, &to).unwrap();
    let file = wait(&mut sensor, "file.rename", &from);
    assert_eq!(file["target"], to.to_str().unwrap());

    let other = directory.join("other");
    fs::write(&other, "x").unwrap();
    renameat_with(CWD, &other, CWD, &to, RenameFlags::EXCHANGE).unwrap();
    let file = wait(&mut sensor, "file.rename", &other);
    assert_eq!(file["target"], to.to_str().unwrap());
    assert_eq!(file["flags"], RenameFlags::EXCHANGE.bits());
}

#[test]
fn a_mode_change_is_recorded_by_path_and_by_descriptor() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let path = directory.join("file");
    fs::write(&path, "x").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
    let file = wait(&mut sensor, "file.chmod", &path);
    assert_eq!(file["mode"], "4755");

    let other = directory.join("other");
    let handle = fs::File::create(&other).unwrap();
    handle
        .set_permissions(fs::Permissions::from_mode(0o640))
        .unwrap();
    let file = wait(&mut sensor, "file.chmod", &other);
    assert_eq!(file["mode"], "0640");
    assert_eq!(file["path_source"], "kernel");
    assert_eq!(file["inode"], fs::metadata(&other).unwrap().ino());
}

#[test]
fn failed_acts_are_not_recorded() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let missing = directory.join("missing");
    assert!(fs::remove_file(&missing).is_err());
    assert!(fs::rename(&missing, directory.join("x")).is_err());
    assert!(OpenOptions::new().write(true).open(&missing).is_err());
    let last = directory.join("last");
    fs::write(&last, "x").unwrap();
    wait(&mut sensor, "file.open", &last);
    let finished = sensor.stop();
    let path = missing.to_str().unwrap();
    assert_eq!(
        finished
            .records
            .iter()
            .filter(|r| r["file"]["path"] == path)
            .count(),
        0
    );
}

#[test]
fn a_deep_path_keeps_its_end_and_says_so() {
    let mut sensor = Sensor::start(&[]);
    let (_guard, directory) = workplace();
    let mut deep = directory.clone();
    for _ in 0..100 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("the-end"), "x").unwrap();
    let record = sensor.wait_for_act("file.open", std::process::id(), |record| {
        record["file"]["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("/d/d/d/the-end"))
    });
    assert_eq!(record["file"]["path_truncated"], true);

    let wide = directory
        .join("w".repeat(200))
        .join("v".repeat(200))
        .join("u".repeat(200));
    fs::create_dir_all(&wide).unwrap();
    fs::write(wide.join("whole"), "x").unwrap();
    let file = wait(&mut sensor, "file.open", &wide.join("whole"));
    assert_eq!(file["path_truncated"], Value::Null);
}
