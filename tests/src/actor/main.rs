//! A process that does what it is told: what the cases watch.
//!
//! ```text
//! actor exit CODE [ANYTHING…]   ends with this code
//! actor threads NUMBER CODE     runs threads, and ends with this code from all of them
//! actor fileless NAME           becomes a shell that lies in memory only, under this name, and
//!                               asks who it is for a minute: an implant that looks around
//! actor DOMAIN ACT [ARGUMENT…]  does one act and prints what it saw of it, a JSON object a line
//! ```
//!
//! What an act prints are facts for a case to compare records with: who acted
//! (see [`facts::Facts`]), and what the kernel answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

mod alias;
mod call;
mod compat;
mod container;
mod credentials;
mod deep;
mod devices;
mod exec;
mod facts;
mod fast;
mod file;
mod kernel;
mod memory;
mod mounting;
mod namespaces;
mod network;
mod noise;
mod order;
mod process;
mod race;
mod ring;
mod ring_network;
mod stdio;
mod tiny;

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
        domain => {
            let rest: Vec<&str> = arguments[2..].iter().map(String::as_str).collect();
            act(domain, &arguments[1], &rest);
        }
    }
}

/// Does one act of a domain.
fn act(domain: &str, act: &str, arguments: &[&str]) {
    match domain {
        "alias" => alias::act(act, arguments),
        "compat" => compat::act(act, arguments),
        "container" => container::act(act, arguments),
        "credentials" => credentials::act(act, arguments),
        "deep" => deep::act(act, arguments),
        "devices" => devices::act(act, arguments),
        "exec" => exec::act(act, arguments),
        "fast" => fast::act(act, arguments),
        "file" => file::act(act, arguments),
        "kernel" => kernel::act(act, arguments),
        "memory" => memory::act(act, arguments),
        "mounting" => mounting::act(act, arguments),
        "namespaces" => namespaces::act(act, arguments),
        "network" => network::act(act, arguments),
        "noise" => noise::act(act, arguments),
        "order" => order::act(act, arguments),
        "process" => process::act(act, arguments),
        "race" => race::act(act, arguments),
        "ring" => ring::act(act, arguments),
        "stdio" => stdio::act(act, arguments),
        other => panic!("{other}: not a domain"),
    }
}

/// Copies the system's shell into memory and becomes it.
fn fileless(name: &str) {
    let memory = memfd_create(name, MemfdFlags::empty()).unwrap();
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    fs::copy("/bin/sh", &path).unwrap();
    let script = "cat /etc/shadow /proc/1/environ; \
                  i=0; while [ $i -lt 600 ]; do sleep 0.1; id; i=$((i+1)); done";
    let error = Command::new(path).arg0(name).args(["-c", script]).exec();
    panic!("{error}");
}
