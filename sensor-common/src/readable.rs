/// Stands in the object for the number of the kernel's function
/// `bpf_rdonly_cast`, in calls that the agent completes before it loads the
/// object. No helper has this number: calls that are not completed are not
/// reached.
pub const READABLE_CAST: u32 = 0x7ead_ab1e;
