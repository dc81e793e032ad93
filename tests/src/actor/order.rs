//! Known sequences of acts.

use std::{
    fs,
    io::{PipeReader, PipeWriter, Read, Write},
};

use rustix::{
    net::{AddressFamily, Protocol, RawProtocol, SocketType, socket},
    thread::{CpuSet, UnshareFlags, sched_setaffinity, set_name, unshare_unsafe},
};

use crate::{
    call::{fork, wait},
    facts::Facts,
};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let rounds: usize = arguments[1].parse().unwrap();
    match act {
        "mixed" => mixed(arguments[0], rounds),
        "ping-pong" => ping_pong(arguments[0], rounds),
        "busy" => busy(arguments[0], rounds),
        "flood" => flood(arguments[0]),
        other => panic!("{other}: not a sequence"),
    }
}

/// `order mixed DIRECTORY ROUNDS`: each round is five acts, that go through
/// either ring.
fn mixed(directory: &str, rounds: usize) {
    let facts = Facts::new();
    for round in 0..rounds {
        let path = format!("{directory}/{round}");
        fs::File::create(&path).unwrap();
        let icmp = Protocol::from_raw(RawProtocol::new(1).unwrap());
        drop(socket(AddressFamily::INET, SocketType::RAW, Some(icmp)).unwrap());
        set_name(&std::ffi::CString::new(format!("round-{round}")).unwrap()).unwrap();
        // SAFETY: this process has one thread, and shares no file table.
        unsafe { unshare_unsafe(UnshareFlags::NEWUTS) }.unwrap();
        fs::remove_file(&path).unwrap();
    }
    facts.print();
}

/// `order ping-pong DIRECTORY ROUNDS`: two processes on two processors, that
/// make files `0`, `1`, … by turns.
fn ping_pong(directory: &str, rounds: usize) {
    let (mut even_hears, mut odd_says) = std::io::pipe().unwrap();
    let (mut odd_hears, mut even_says) = std::io::pipe().unwrap();
    let child = fork(|| {
        let mut facts = Facts::of("odd");
        facts.set("pinned", pin(1));
        for round in 0..rounds {
            hear(&mut odd_hears);
            fs::File::create(format!("{directory}/{}", 2 * round + 1)).unwrap();
            say(&mut odd_says);
        }
        facts.print();
        0
    });
    let mut facts = Facts::new();
    facts.set("pinned", pin(0));
    for round in 0..rounds {
        fs::File::create(format!("{directory}/{}", 2 * round)).unwrap();
        say(&mut even_says);
        hear(&mut even_hears);
    }
    assert_eq!(wait(child).exit_status(), Some(0));
    facts.print();
}

/// `order busy DIRECTORY ROUNDS`: more processes than processors, that each
/// open a file of its own again and again.
fn busy(directory: &str, rounds: usize) {
    let facts = Facts::new();
    let children = [0, 1, 2, 3, 4, 5].map(|number| {
        fork(|| {
            let mut facts = Facts::of("busy");
            let path = format!("{directory}/{number}");
            facts.set("path", path.clone());
            for _ in 0..rounds {
                fs::File::create(&path).unwrap();
            }
            facts.print();
            0
        })
    });
    for child in children {
        assert_eq!(wait(child).exit_status(), Some(0));
    }
    facts.print();
}

/// `order flood DIRECTORY`: opens a file again and again until it is killed.
fn flood(directory: &str) {
    let path = format!("{directory}/file");
    loop {
        fs::File::create(&path).unwrap();
    }
}

fn hear(pipe: &mut PipeReader) {
    pipe.read_exact(&mut [0]).unwrap();
}

fn say(pipe: &mut PipeWriter) {
    pipe.write_all(&[0]).unwrap();
}

/// Stays on one processor, if the machine has it.
fn pin(processor: usize) -> bool {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).is_ok()
}
