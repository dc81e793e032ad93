use std::borrow::Cow;

/// The name of a message to the audit system, or its number
/// (`include/uapi/linux/audit.h`).
pub(in crate::outputs) fn audit_message(number: u64) -> Cow<'static, str> {
    let name = match number {
        1000 => "AUDIT_GET",
        1001 => "AUDIT_SET",
        1002 => "AUDIT_LIST",
        1003 => "AUDIT_ADD",
        1004 => "AUDIT_DEL",
        1005 => "AUDIT_USER",
        1006 => "AUDIT_LOGIN",
        1007 => "AUDIT_WATCH_INS",
        1008 => "AUDIT_WATCH_REM",
        1009 => "AUDIT_WATCH_LIST",
        1010 => "AUDIT_SIGNAL_INFO",
        1011 => "AUDIT_ADD_RULE",
        1012 => "AUDIT_DEL_RULE",
        1013 => "AUDIT_LIST_RULES",
        1014 => "AUDIT_TRIM",
        1015 => "AUDIT_MAKE_EQUIV",
        1016 => "AUDIT_TTY_GET",
        1017 => "AUDIT_TTY_SET",
        1018 => "AUDIT_SET_FEATURE",
        1019 => "AUDIT_GET_FEATURE",
        other => return Cow::Owned(other.to_string()),
    };
    Cow::Borrowed(name)
}
