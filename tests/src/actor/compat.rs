//! The same work by the 32-bit system call table, from a 64-bit program.

use std::{arch::asm, ffi::CString, net::TcpListener, os::fd::AsRawFd};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use crate::{facts::Facts, ring_network::address};

/// Numbers of the 32-bit table.
mod number {
    pub(super) const OPEN: u32 = 5;
    pub(super) const CREAT: u32 = 8;
    pub(super) const UNLINK: u32 = 10;
    pub(super) const CHMOD: u32 = 15;
    pub(super) const GETPID: u32 = 20;
    pub(super) const RENAME: u32 = 38;
    pub(super) const SOCKETCALL: u32 = 102;
    pub(super) const CONNECT: u32 = 362;
}

/// `compat ACT PATH [PATH]`, `compat connect` or `compat socketcall`.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    let mut low = Low::new();
    let first = arguments.first().copied().unwrap_or_default();
    let result = match act {
        // Whether the kernel has these calls at all: without, the process gets a signal.
        "try" => call(number::GETPID, [0; 3]),
        "create" => {
            let flags = libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY;
            let path = low.path(first);
            let result = call(number::OPEN, [path, flags.cast_unsigned(), 0o640]);
            facts.set_file(first);
            result
        }
        "read" => {
            facts.set_file(first);
            call(number::OPEN, [low.path(first), 0, 0])
        }
        "creat" => {
            let result = call(number::CREAT, [low.path(first), 0o640, 0]);
            facts.set_file(first);
            result
        }
        "unlink" => {
            facts.set_file(first);
            call(number::UNLINK, [low.path(first), 0, 0])
        }
        "chmod" => {
            let result = call(number::CHMOD, [low.path(first), 0o4755, 0]);
            facts.set_file(first);
            result
        }
        "rename" => {
            facts.set_file(first);
            let paths = [low.path(first), low.path(arguments[1])];
            call(number::RENAME, [paths[0], paths[1], 0])
        }
        "connect" | "socketcall" => connect(&mut facts, &mut low, act == "connect"),
        other => panic!("{other}: not an act of the 32-bit table"),
    };
    assert!(result >= 0, "{act}: {result}");
    facts.set("result", result);
    facts.print();
}

fn connect(facts: &mut Facts, low: &mut Low, by_its_own_number: bool) -> i32 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    facts.set("server_port", port);
    let kind = rustix::net::SocketType::STREAM;
    let client = rustix::net::socket(rustix::net::AddressFamily::INET, kind, None).unwrap();
    let address = address(port);
    let length = size_of_val(&address);
    // SAFETY: a structure of numbers without gaps.
    let bytes = unsafe { std::slice::from_raw_parts((&raw const address).cast::<u8>(), length) };
    let arguments = [
        u32::try_from(client.as_raw_fd()).unwrap(),
        low.put(bytes),
        u32::try_from(length).unwrap(),
    ];
    if by_its_own_number {
        call(number::CONNECT, arguments)
    } else {
        const SYS_CONNECT: u32 = 3;
        let words = low.put(&arguments.map(u32::to_ne_bytes).concat());
        call(number::SOCKETCALL, [SYS_CONNECT, words, 0])
    }
}

/// Memory that a 32-bit pointer reaches.
struct Low {
    next: *mut u8,
    left: usize,
}

impl Low {
    fn new() -> Self {
        const LENGTH: usize = 16_384;
        // MAP_32BIT.
        let flags = MapFlags::PRIVATE | MapFlags::from_bits_retain(0x40);
        let writable = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, which nobody else has.
        let place = unsafe { mmap_anonymous(std::ptr::null_mut(), LENGTH, writable, flags) };
        Self {
            next: place.unwrap().cast(),
            left: LENGTH,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> u32 {
        let place = self.next;
        assert!(bytes.len() <= self.left);
        // SAFETY: there is room, as just looked at.
        unsafe {
            place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            // Words stay aligned.
            let step = bytes.len().next_multiple_of(8);
            self.next = place.add(step);
            self.left -= step;
        }
        u32::try_from(place as usize).unwrap()
    }

    fn path(&mut self, path: &str) -> u32 {
        self.put(CString::new(path).unwrap().as_bytes_with_nul())
    }
}

fn call(number: u32, [first, second, third]: [u32; 3]) -> i32 {
    let result: u64;
    // SAFETY: the arguments are numbers, or point to what `Low` holds, which is never given back.
    // The kernel may spoil r8 to r11. rbx cannot be named, so it is swapped in and out.
    unsafe {
        asm!(
            "xchg rbx, {first}",
            "int 0x80",
            "xchg rbx, {first}",
            first = inout(reg) u64::from(first) => _,
            inlateout("rax") u64::from(number) => result,
            in("rcx") u64::from(second),
            in("rdx") u64::from(third),
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    // The kernel gives a number with its sign in 64 bits.
    i32::try_from(result.cast_signed()).unwrap()
}
