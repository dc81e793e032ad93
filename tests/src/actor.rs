//! A process that does what it is told: what the cases watch.
//!
//! ```text
//! actor exit CODE [ANYTHING…]   ends with this code
//! actor threads NUMBER CODE     runs threads, and ends with this code from all of them
//! actor fileless NAME           becomes a shell that lies in memory only, under this name, and
//!                               asks who it is for a minute: an implant that looks around
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

use std::{
    fs,
    os::{fd::AsRawFd, unix::process::CommandExt},
    process::Command,
    thread,
};

use rustix::fs::{MemfdFlags, memfd_create};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> u16 { arguments[index].parse().unwrap() };
    match arguments[0].as_str() {
        "exit" => std::process::exit(i32::from(number(1))),
        "threads" => {
            let code = i32::from(number(2));
            let threads: Vec<_> = (0..number(1)).map(|_| thread::spawn(|| {})).collect();
            for finished in threads {
                finished.join().unwrap();
            }
            // One that lives on while the process ends under it.
            thread::spawn(thread::park);
            std::process::exit(code);
        }
        "fileless" => fileless(&arguments[1]),
        other => panic!("{other}: not an act"),
    }
}

/// Copies the system's shell into memory and becomes it.
fn fileless(name: &str) {
    let memory = memfd_create(name, MemfdFlags::empty()).unwrap();
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    fs::copy("/bin/sh", &path).unwrap();
    let script = "i=0; while [ $i -lt 600 ]; do sleep 0.1; id; i=$((i+1)); done";
    let error = Command::new(path).arg0(name).args(["-c", script]).exec();
    panic!("{error}");
}
