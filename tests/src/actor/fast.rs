//! Births and ends faster than any reader.

use std::{ffi::CString, ptr};

use rustix::process::Pid;

use crate::{call::wait, facts::Facts, process::vfork_and_exit};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let count: usize = arguments[0].parse().unwrap();
    let mut facts = Facts::new();
    let children: Vec<i32> = match act {
        // fast programs COUNT PROGRAM
        "programs" => {
            let program = CString::new(arguments[1]).unwrap();
            (0..count).map(|index| run(&program, index)).collect()
        }
        // fast births COUNT
        "births" => (0..count)
            .map(|_| {
                let child = vfork_and_exit();
                wait(Pid::from_raw(child).unwrap());
                child
            })
            .collect(),
        other => panic!("{other}: not a fast act"),
    };
    facts.set("children", children);
    facts.print();
}

/// Runs a program, with its number as its argument, as fast as there is.
fn run(program: &CString, index: usize) -> i32 {
    let index = CString::new(index.to_string()).unwrap();
    let arguments = [
        program.as_ptr().cast_mut(),
        index.as_ptr().cast_mut(),
        ptr::null_mut(),
    ];
    let environment: [*mut libc::c_char; 1] = [ptr::null_mut()];
    let mut child = 0;
    // SAFETY: strings end with a zero and lists with a null pointer. The C library uses
    // CLONE_VFORK and CLONE_VM for this.
    let error = unsafe {
        libc::posix_spawn(
            &raw mut child,
            program.as_ptr(),
            ptr::null(),
            ptr::null(),
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    assert_eq!(error, 0);
    wait(Pid::from_raw(child).unwrap());
    child
}
