//! A kernel that does not know ring buffers, played to one traced process: what
//! it asks of bpf(2) is refused as kernels before 5.8 do.

use std::{
    io::{self, Read, Seek},
    mem::MaybeUninit,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus, Output, Stdio},
    ptr,
};

use libc::{c_int, c_uint, c_void, pid_t};

/// Command of bpf(2) (`include/uapi/linux/bpf.h`).
const BPF_MAP_CREATE: u64 = 0;
/// Type of map, the first member of that command's argument.
const BPF_MAP_TYPE_RINGBUF: u32 = 27;

/// Runs to the end, without ring buffers.
pub(crate) fn output_without_ring_buffers(command: &mut Command) -> Output {
    // Files, not pipes: nobody reads while the process is traced.
    let mut stdout = tempfile::tempfile().unwrap();
    let mut stderr = tempfile::tempfile().unwrap();
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap());
    let status = trace(command);
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    Output {
        status,
        stdout: read(&mut stdout),
        stderr: read(&mut stderr),
    }
}

/// Starts the command and leads it, from stop to stop, to its end.
fn trace(command: &mut Command) -> ExitStatus {
    let be_traced = || ptrace(libc::PTRACE_TRACEME, 0, 0, ptr::null_mut()).map(drop);
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(be_traced) };
    // The end is waited for below, where that of its threads is, too.
    let process = command.spawn().unwrap().id().cast_signed();

    let (mut thread, mut status) = next_stop();
    assert_eq!(thread, process, "the first stop is that of its exec");
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    let options = usize::try_from(options).unwrap();
    ptrace(libc::PTRACE_SETOPTIONS, process, 0, options as *mut c_void).unwrap();
    while libc::WIFSTOPPED(status) || thread != process {
        if libc::WIFSTOPPED(status) {
            let signal = match libc::WSTOPSIG(status) {
                // A system call, as `PTRACE_O_TRACESYSGOOD` marks it.
                number if number == libc::SIGTRAP | 0x80 => {
                    if asks_for_ring_buffer(thread) {
                        refuse(thread);
                    }
                    0
                }
                // The tracer's own: an exec, a clone, a new thread's first stop.
                libc::SIGTRAP | libc::SIGSTOP => 0,
                other => other,
            };
            go_on(thread, signal);
        }
        (thread, status) = next_stop();
    }
    ExitStatus::from_raw(status)
}

/// Waits until a thread of the traced process stops or ends. Children of this
/// process's other threads, which run other tests, are left to them.
fn next_stop() -> (pid_t, c_int) {
    let mut status = 0;
    // SAFETY: the status is written to a number that lives as long.
    let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    assert!(thread > 0, "{}", io::Error::last_os_error());
    (thread, status)
}

/// Lets a thread go on until its next system call starts or ends.
fn go_on(thread: pid_t, signal: c_int) {
    let signal = usize::try_from(signal).unwrap();
    match ptrace(libc::PTRACE_SYSCALL, thread, 0, signal as *mut c_void) {
        // Its process is ending: the next that is heard of it is its end.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
        other => assert_eq!(other.unwrap(), 0),
    }
}

fn asks_for_ring_buffer(thread: pid_t) -> bool {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let place = info.as_mut_ptr().cast();
    let size = size_of::<libc::ptrace_syscall_info>();
    if ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, place).is_err() {
        // Its process is ending.
        return false;
    }
    // SAFETY: numbers, which were zero before the kernel wrote some of them.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return false;
    }
    // SAFETY: at the start of a system call it is this that the kernel wrote.
    let call = unsafe { info.u.entry };
    call.nr.cast_signed() == libc::SYS_bpf
        && call.args[0] == BPF_MAP_CREATE
        && word_at(thread, call.args[1]) == BPF_MAP_TYPE_RINGBUF
}

/// Four bytes of the thread's memory.
fn word_at(thread: pid_t, address: u64) -> u32 {
    let mut bytes = [0; 4];
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: usize::try_from(address).unwrap() as *mut c_void,
        iov_len: bytes.len(),
    };
    // SAFETY: the first vector points to four bytes here, the second elsewhere.
    let read =
        unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    assert_eq!(read, 4, "{}", io::Error::last_os_error());
    u32::from_ne_bytes(bytes)
}

/// Has the system call that is about to start not be made, and end in EINVAL:
/// the kernel leaves the result as it is when there is no call to make.
fn refuse(thread: pid_t) {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::uninit();
    let place = registers.as_mut_ptr().cast();
    ptrace(libc::PTRACE_GETREGS, thread, 0, place).unwrap();
    // SAFETY: the kernel wrote all of them.
    let mut registers = unsafe { registers.assume_init() };
    registers.orig_rax = u64::MAX;
    registers.rax = i64::from(-libc::EINVAL).cast_unsigned();
    let place = (&raw mut registers).cast();
    ptrace(libc::PTRACE_SETREGS, thread, 0, place).unwrap();
}

fn ptrace(
    request: c_uint,
    thread: pid_t,
    address: usize,
    data: *mut c_void,
) -> io::Result<libc::c_long> {
    // SAFETY: `data` is a number, or points to what the request reads or fills.
    let result = unsafe { libc::ptrace(request, thread, address as *mut c_void, data) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
