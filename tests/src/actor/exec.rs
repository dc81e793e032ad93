//! Acts of becoming another program. What is printed comes before.

use std::{
    ffi::CString,
    fs,
    io::Write,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
};

use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};

use crate::{call::call, facts::Facts, tiny};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    match act {
        // exec plain PROGRAM [ARGUMENT…]
        "plain" => {
            let mut facts = Facts::new();
            facts.set_file(fs::canonicalize(arguments[0]).unwrap());
            facts.print();
            let error = Command::new(arguments[0]).args(&arguments[1..]).exec();
            panic!("{error}");
        }
        // exec descriptor PROGRAM [ARGUMENT…]
        "descriptor" => {
            let program = open(
                arguments[0],
                OFlags::RDONLY | OFlags::CLOEXEC,
                Mode::empty(),
            );
            become_open(&program.unwrap(), arguments);
        }
        // exec memfd NAME [ARGUMENT…]
        "memfd" => {
            let memory = memfd_create(arguments[0], MemfdFlags::CLOEXEC).unwrap();
            rustix::io::write(&memory, &tiny::program(0)).unwrap();
            become_open(&memory, arguments);
        }
        // exec tmpfile DIRECTORY [ARGUMENT…]
        "tmpfile" => {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            let writer = open(arguments[0], flags, Mode::RWXU).unwrap();
            rustix::io::write(&writer, &tiny::program(0)).unwrap();
            // A program must not be open for writing.
            let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
            let reader = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            drop(writer);
            become_open(&reader, arguments);
        }
        // exec piped PROGRAM [ARGUMENT…]
        "piped" => {
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(b"exit 5\n").unwrap();
            drop(writer);
            Facts::new().print();
            let error = Command::new(arguments[0])
                .args(&arguments[1..])
                .stdin(Stdio::from(OwnedFd::from(reader)))
                .exec();
            panic!("{error}");
        }
        other => panic!("{other}: not a way to become a program"),
    }
}

/// Becomes a program by its descriptor alone.
fn become_open(program: &OwnedFd, arguments: &[&str]) {
    let mut facts = Facts::new();
    facts.set_open_file(program);
    facts.set("descriptor", program.as_raw_fd());
    facts.print();
    let arguments: Vec<CString> = arguments
        .iter()
        .map(|argument| CString::new(*argument).unwrap())
        .collect();
    let mut pointers: Vec<*const libc::c_char> =
        arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: strings end with a zero and lists with a null pointer.
    let result = unsafe {
        call(
            libc::SYS_execveat,
            [
                usize::try_from(program.as_raw_fd()).unwrap(),
                c"".as_ptr() as usize,
                pointers.as_ptr() as usize,
                environment.as_ptr() as usize,
                usize::try_from(libc::AT_EMPTY_PATH).unwrap(),
            ],
        )
    };
    panic!("execveat: {result}");
}
