//! Bounds of what a record can carry, in bytes.

/// Longest path captured; a longer one keeps its end.
pub const PATH_MAX: usize = 4096;
/// Most components of a path that are walked; a deeper path keeps its end.
pub const PATH_COMPONENTS_MAX: usize = 64;
/// Longest argument vector captured, terminating zeros included; a longer one
/// keeps its start.
pub const ARGS_MAX: usize = 8192;
/// Longest name under which a program was asked for (`linux_binprm.filename`).
pub const FILENAME_MAX: usize = 256;
/// Longest Unix socket address (`sockaddr_un.sun_path`).
pub const UNIX_PATH_MAX: usize = 108;
/// Longest DNS message captured: the question is at its start.
pub const DNS_MAX: usize = 320;
/// Longest record: the header, exec's fixed part and all of its strings.
pub const RECORD_MAX: usize = 17 * 1024;
