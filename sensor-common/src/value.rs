use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fixed part of acts that a few numbers and a name tell. Tail: the name.
///
/// | kind | values | name |
/// | --- | --- | --- |
/// | `process.rename` | | new name of the thread |
/// | `process.arguments` | `PR_SET_MM_*` option | |
/// | `process.session` | | |
/// | `credentials.key` | `KEYCTL_*`, second and third argument | |
/// | `memory.memfd` | `MFD_*`, inode | name of the memfd |
/// | `memory.executable` | address, bytes, `PROT_*`, 1 for a change of protection | file mapped |
/// | `memory.userfault` | flags | |
/// | `kernel.module` | | module |
/// | `kernel.bpf` | `BPF_*` command, program or map type | program or map |
/// | `kernel.perf` | type, config, pid argument, CPU argument | |
/// | `kernel.kexec` | flags, 1 for `kexec_file_load` | |
/// | `kernel.io_uring` | submission entries, completion entries, flags | |
/// | `kernel.io_uring_work` | opcode | |
/// | `kernel.audit` | netlink message type, value of the mask, enabled | |
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ValueRecord {
    /// As the table says.
    pub values: [u64; 4],
    /// The system call's result, where it is known.
    pub result: i32,
    /// Bytes of the name in the tail.
    pub name_length: u16,
    /// Zero; keeps the size a multiple of eight.
    pub reserved: u16,
}
