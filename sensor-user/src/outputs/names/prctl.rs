use std::borrow::Cow;

/// The name of an option of `prctl(PR_SET_MM)`, or its number
/// (`include/uapi/linux/prctl.h`).
pub(in crate::outputs) fn memory_option(number: u64) -> Cow<'static, str> {
    let name = match number {
        1 => "PR_SET_MM_START_CODE",
        2 => "PR_SET_MM_END_CODE",
        3 => "PR_SET_MM_START_DATA",
        4 => "PR_SET_MM_END_DATA",
        5 => "PR_SET_MM_START_STACK",
        6 => "PR_SET_MM_START_BRK",
        7 => "PR_SET_MM_BRK",
        8 => "PR_SET_MM_ARG_START",
        9 => "PR_SET_MM_ARG_END",
        10 => "PR_SET_MM_ENV_START",
        11 => "PR_SET_MM_ENV_END",
        12 => "PR_SET_MM_AUXV",
        13 => "PR_SET_MM_EXE_FILE",
        14 => "PR_SET_MM_MAP",
        15 => "PR_SET_MM_MAP_SIZE",
        other => return Cow::Owned(other.to_string()),
    };
    Cow::Borrowed(name)
}
