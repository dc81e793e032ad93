//! Acts on the kernel itself. None of them changes it for others.

use std::os::fd::AsRawFd;

use rustix::{
    fs::{Mode, OFlags, open},
    process::{Resource, Rlimit, setrlimit},
};

use crate::{call::call, facts::Facts};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    let mut facts = Facts::new();
    match act {
        // kernel module FILE
        "module" => module(&mut facts, arguments[0]),
        "map" => map(&mut facts),
        "program" => program(&mut facts),
        "perf" => perf(&mut facts),
        "kexec" => {
            let too_many = 17;
            // SAFETY: the kernel refuses more than 16 segments before it looks at them.
            let result = unsafe { call(libc::SYS_kexec_load, [0, too_many, 0, 0]) };
            assert!(result < 0, "{result}");
            facts.set("result", result);
        }
        "ring" => {
            let mut parameters = [0_u32; 30];
            let entries = 5;
            let place = parameters.as_mut_ptr() as usize;
            // SAFETY: the parameters take 120 bytes.
            let result = unsafe { call(libc::SYS_io_uring_setup, [entries, place]) };
            facts.set("result", result);
            facts.set("entries", parameters[0]);
            facts.set("completions", parameters[1]);
            facts.set("asked", entries);
        }
        // kernel setting FILE
        "setting" => {
            facts.set_open_file(open(arguments[0], OFlags::WRONLY, Mode::empty()).unwrap());
        }
        "audit" => audit(&mut facts),
        other => panic!("{other}: not an act on the kernel"),
    }
    facts.print();
}

fn module(facts: &mut Facts, path: &str) {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let descriptor = usize::try_from(file.as_raw_fd()).unwrap();
    // SAFETY: no parameters.
    let result = unsafe {
        call(
            libc::SYS_finit_module,
            [descriptor, c"".as_ptr() as usize, 0],
        )
    };
    facts.set("result", result);
}

/// `union bpf_attr`, as far as the commands here use it, in words.
fn bpf(command: usize, attributes: &[u32; 32]) -> i64 {
    let place = attributes.as_ptr() as usize;
    // SAFETY: the attributes are whole, what they point to lives through the call.
    unsafe { call(libc::SYS_bpf, [command, place, size_of_val(attributes)]) }
}

/// Sixteen bytes of a name, as four words.
fn name_words(name: &[u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(name.chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}

/// Before Linux 5.11 what eBPF keeps counts as locked memory, which the sensor
/// may have used up for its user.
fn lift_limit() {
    let none = Rlimit {
        current: None,
        maximum: None,
    };
    let _ = setrlimit(Resource::Memlock, none);
}

/// Makes an array of eight bytes.
fn map(facts: &mut Facts) {
    lift_limit();
    let mut attributes = [0; 32];
    // Type array, sizes of key and value, one entry.
    attributes[..4].copy_from_slice(&[2, 4, 8, 1]);
    attributes[7..11].copy_from_slice(&name_words(b"sensor_test_map\0"));
    facts.set("result", bpf(0, &attributes));
}

/// Loads a socket filter that lets everything pass.
fn program(facts: &mut Facts) {
    lift_limit();
    // r0 = 0; exit
    let text = [0xb7_u64, 0x95];
    let license = c"GPL";
    let mut attributes = [0; 32];
    attributes[..2].copy_from_slice(&[1, 2]);
    let halves = |address: usize| [address as u64 & 0xffff_ffff, address as u64 >> 32];
    let pointers = [text.as_ptr() as usize, license.as_ptr() as usize];
    for (index, half) in pointers.into_iter().flat_map(halves).enumerate() {
        attributes[2 + index] = u32::try_from(half).unwrap();
    }
    // Log level, size and buffer, kernel version and flags stay zero.
    attributes[12..16].copy_from_slice(&name_words(b"sensor_test_run\0"));
    facts.set("result", bpf(5, &attributes));
}

/// Counts this process's context switches.
fn perf(facts: &mut Facts) {
    // `struct perf_event_attr`, version 0: type software, its size, and what to count.
    let mut attributes = [0_u32; 16];
    attributes[..3].copy_from_slice(&[1, 64, 3]);
    let every = usize::MAX;
    // SAFETY: the attributes are whole.
    let result = unsafe {
        call(
            libc::SYS_perf_event_open,
            [attributes.as_ptr() as usize, 0, every, every, 0],
        )
    };
    facts.set("result", result);
}

/// Asks the audit system to count what it lost from zero again.
fn audit(facts: &mut Facts) {
    const AUDIT_SET: u16 = 1_001;
    const AUDIT_STATUS_LOST: u32 = 0x40;
    let [family, kind] = [libc::AF_NETLINK, libc::SOCK_RAW];
    // SAFETY: numbers only.
    let handle = unsafe { libc::socket(family, kind, libc::NETLINK_AUDIT) };
    if handle < 0 {
        let error = std::io::Error::last_os_error().raw_os_error().unwrap();
        facts.set("result", -error);
        return;
    }
    // `struct nlmsghdr`, then `struct audit_status`, whose first word is the mask.
    let mut message = [0_u32; 4 + 10];
    message[0] = u32::try_from(size_of_val(&message)).unwrap();
    message[1] = u32::from(AUDIT_SET) | 1 << 16;
    message[2] = 1;
    message[4] = AUDIT_STATUS_LOST;
    // SAFETY: the message is whole; without an address it goes to the kernel.
    let sent = unsafe { libc::send(handle, message.as_ptr().cast(), size_of_val(&message), 0) };
    assert_eq!(usize::try_from(sent).unwrap(), size_of_val(&message));
    facts.set("result", 0);
    facts.set("mask", AUDIT_STATUS_LOST);
}
