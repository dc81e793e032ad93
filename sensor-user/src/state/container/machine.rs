use super::{ContainerRuntime, name::Found};

/// `systemd-nspawn@NAME.service` and `machine-NAME.scope`. The cgroup
/// `supervisor` right below holds systemd-nspawn itself, on the host; and a
/// name that libvirt gave is no nspawn container's: a virtual machine's, mostly.
pub(super) fn found(name: &[u8], below: Option<&[u8]>) -> Option<Found> {
    if below == Some(b"supervisor") {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    let service = name
        .strip_prefix("systemd-nspawn@")
        .and_then(|rest| rest.strip_suffix(".service"));
    let scope = || name.strip_prefix("machine-")?.strip_suffix(".scope");
    let name = unescaped(service.or_else(scope)?)?;
    let by_libvirt = ["qemu-", "lxc-"].iter().any(|prefix| {
        name.strip_prefix(prefix)
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    (is_name(&name) && !by_libvirt).then_some((ContainerRuntime::SystemdNspawn, name))
}

/// A part of a unit's name without systemd's escapes: `\x2d` for a dash.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split("\\x");
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        out.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        out.push_str(rest);
    }
    Some(out)
}

/// A machine's or container's name: a host name of at most 64 letters, with
/// underscores.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len())
        && text.bytes().all(letter)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !text.contains("..")
        && !text.ends_with('.')
}
