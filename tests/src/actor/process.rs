//! Acts on processes: births, signals, names, sessions.

use std::{arch::asm, io::Read};

use rustix::{
    process::{PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
    thread::set_name,
};

use crate::{
    call::{Idle, call, fork, result_of, wait},
    facts::{Facts, start_ticks},
};

/// `struct clone_args` of clone3, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
}

/// `struct prctl_mm_map`.
#[repr(C)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

pub(crate) fn act(act: &str, arguments: &[&str]) {
    match act {
        "fork" => birth(arguments[0]),
        "signal" => signal(arguments[0]),
        "rename" => {
            let facts = Facts::new();
            set_name(&std::ffi::CString::new(arguments[0]).unwrap()).unwrap();
            facts.print();
        }
        "arguments" => move_arguments(),
        "session" => {
            let mut facts = Facts::new();
            let session = rustix::process::setsid().unwrap();
            facts.set("session", session.as_raw_nonzero().get());
            facts.print();
        }
        "die" => {
            Facts::new().print();
            kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
        }
        "wait" => {
            Facts::new().print();
            // Until somebody closes the other end.
            let _ = std::io::stdin().read(&mut [0]);
        }
        "same-number" => same_number(arguments[0]),
        other => panic!("{other}: not an act on processes"),
    }
}

/// A child that ends at once with code 7, made in one of four ways.
fn birth(how: &str) {
    let namespaces = libc::CLONE_NEWUTS | libc::CLONE_NEWNS | libc::CLONE_NEWPID;
    let namespaces = usize::try_from(namespaces).unwrap();
    let child_signal = usize::try_from(libc::SIGCHLD).unwrap();
    let mut facts = Facts::new();
    let child = match how {
        // SAFETY: this process has one thread; the child goes on with a copy.
        "fork" => unsafe { call(libc::SYS_fork, []) },
        // SAFETY: likewise; no stack is given, so the child has a copy of this one.
        "clone" => unsafe { call(libc::SYS_clone, [namespaces | child_signal, 0, 0, 0, 0]) },
        "clone3" => clone3(&CloneArguments {
            flags: namespaces as u64,
            exit_signal: child_signal as u64,
            ..CloneArguments::default()
        }),
        "vfork" => i64::from(vfork_and_exit()),
        other => panic!("{other}: not a birth"),
    };
    if child == 0 {
        std::process::exit(7);
    }
    assert!(child > 0, "{how}: {child}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child).unwrap()).unwrap();
    assert_eq!(wait(pid).exit_status(), Some(7));
    facts.set("child", child);
    facts.print();
}

fn clone3(arguments: &CloneArguments) -> i64 {
    let size = size_of::<CloneArguments>();
    // SAFETY: the arguments are whole; no stack is given, so the child has a copy of this one.
    unsafe {
        call(
            libc::SYS_clone3,
            [std::ptr::from_ref(arguments) as usize, size],
        )
    }
}

/// A real vfork. The child shares everything, so it does nothing but end, in
/// registers alone.
pub(crate) fn vfork_and_exit() -> i32 {
    let child: i64;
    // SAFETY: the child touches no memory before it ends, and the parent waits until then.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov edi, 7",
            "mov eax, 231", // exit_group
            "syscall",
            "2:",
            inlateout("rax") libc::SYS_vfork => child,
            out("rdi") _, out("rcx") _, out("r11") _,
        );
    }
    i32::try_from(child).unwrap()
}

/// Sends signal 15 to a child.
fn signal(how: &str) {
    let mut facts = Facts::new();
    let child = Idle::start();
    let number = usize::try_from(libc::SIGTERM).unwrap();
    facts.set("target", child.number());
    facts.set(
        "target_start_ticks",
        start_ticks(format!("/proc/{}/stat", child.number())),
    );
    let result = match how {
        "kill" => result_of(kill_process(child.0, Signal::TERM)),
        "tgkill" => {
            // SAFETY: numbers only.
            unsafe { call(libc::SYS_tgkill, [child.number(), child.number(), number]) }
        }
        "queue" => queue(child.number(), number),
        "pidfd" => {
            let handle = pidfd_open(child.0, PidfdFlags::empty()).unwrap();
            result_of(pidfd_send_signal(handle, Signal::TERM))
        }
        other => panic!("{other}: not a way to send a signal"),
    };
    facts.set("result", result);
    let status = wait(child.0);
    assert_eq!(status.terminating_signal(), Some(libc::SIGTERM));
    facts.print();
}

fn queue(target: usize, number: usize) -> i64 {
    // SAFETY: a structure of numbers, for which zero is a value.
    let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
    information.si_signo = libc::SIGTERM;
    information.si_code = libc::SI_QUEUE;
    // SAFETY: the information lives through the call.
    unsafe {
        call(
            libc::SYS_rt_sigqueueinfo,
            [target, number, std::ptr::from_ref(&information) as usize],
        )
    }
}

/// Moves the place of the arguments: one number, or all of the map at once for
/// who may not do that.
fn move_arguments() {
    let mut facts = Facts::new();
    let shown = Box::leak(Box::new(*b"something else\0"));
    let address = shown.as_ptr() as usize;
    let option = |option: libc::c_int, value: usize, length: usize| {
        let [prctl, option] =
            [libc::PR_SET_MM, option].map(|number| usize::try_from(number).unwrap());
        // SAFETY: the map, if there is one, is whole and lives through the call.
        unsafe { call(libc::SYS_prctl, [prctl, option, value, length, 0]) }
    };
    facts.set("start", option(libc::PR_SET_MM_ARG_START, address, 0));
    facts.set(
        "end",
        option(libc::PR_SET_MM_ARG_END, address + shown.len(), 0),
    );
    let mut map = memory_map();
    map.arg_start = address as u64;
    map.arg_end = (address + shown.len()) as u64;
    let length = size_of::<MemoryMap>();
    facts.set(
        "map",
        option(
            libc::PR_SET_MM_MAP,
            std::ptr::from_ref(&map) as usize,
            length,
        ),
    );
    facts.print();
}

/// The process's map as it is, from its `stat` file and the end of its heap.
fn memory_map() -> MemoryMap {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    // Numbers of the fields as proc(5) counts them; the name is the second.
    let field = |number: usize| -> u64 { fields[number - 3].trim().parse().unwrap() };
    // SAFETY: asks for the present end.
    let heap_end = unsafe { call(libc::SYS_brk, [0]) };
    MemoryMap {
        start_code: field(26),
        end_code: field(27),
        start_data: field(45),
        end_data: field(46),
        start_brk: field(47),
        brk: heap_end.cast_unsigned(),
        start_stack: field(28),
        arg_start: field(48),
        arg_end: field(49),
        env_start: field(50),
        env_end: field(51),
        auxv: 0,
        auxv_size: 0,
        exe_fd: u32::MAX,
    }
}

/// Two children one after the other under one number: the first becomes a
/// program, the second stays what it is.
fn same_number(program: &str) {
    let mut facts = Facts::new();
    let program = std::ffi::CString::new(program).unwrap();
    let first = fork(|| {
        Facts::of("first").print();
        let arguments = [program.as_ptr(), c"first".as_ptr(), std::ptr::null()];
        // SAFETY: both lists end with a null pointer.
        unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
        1
    });
    assert_eq!(wait(first).exit_status(), Some(3));
    let number = first.as_raw_nonzero().get();
    facts.set("child", number);
    let wanted = [number];
    let arguments = CloneArguments {
        exit_signal: u64::try_from(libc::SIGCHLD).unwrap(),
        set_tid: wanted.as_ptr() as u64,
        set_tid_size: 1,
        ..CloneArguments::default()
    };
    // Somebody else may have got the number: it is soon free again, or not.
    let mut second = clone3(&arguments);
    for _ in 0..1_000 {
        if second != -i64::from(libc::EEXIST) {
            break;
        }
        std::thread::yield_now();
        second = clone3(&arguments);
    }
    if second == 0 {
        Facts::of("second").print();
        std::process::exit(9);
    }
    facts.set("result", second);
    if second > 0 {
        assert_eq!(second, i64::from(number));
        assert_eq!(wait(first).exit_status(), Some(9));
    }
    facts.print();
}
