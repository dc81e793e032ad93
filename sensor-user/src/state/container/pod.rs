use super::name::is_hexadecimal;

/// The uid of a pod: of its systemd slice, alone or as the first part of a name
/// that was taken literally, or of its directory.
pub(super) fn uid(name: &[u8], outer: &[&[u8]]) -> Option<String> {
    slice(name).or_else(|| directory(name, outer).map(str::to_owned))
}

/// `kubepods-burstable-podUID.slice`, with underscores for the dashes of the
/// uid; the kubelet's own slice may stand before `kubepods`.
fn slice(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let unit = name.split_once(':').map_or(name, |(unit, _)| unit);
    let (class, uid) = unit.strip_suffix(".slice")?.rsplit_once("-pod")?;
    let root = ["-burstable", "-besteffort"]
        .iter()
        .find_map(|suffix| class.strip_suffix(suffix))
        .unwrap_or(class);
    let is_root = root == "kubepods" || root.ends_with("-kubepods");
    if !is_root || uid.contains('-') {
        return None;
    }
    let uid = uid.replace('_', "-");
    is_uid(uid.as_bytes()).then_some(uid)
}

/// `podUID`, directly below `kubepods` or below one of its classes.
pub(super) fn directory<'a>(name: &'a [u8], outer: &[&[u8]]) -> Option<&'a str> {
    let uid = name.strip_prefix(b"pod").filter(|uid| is_uid(uid))?;
    let placed = match outer {
        [.., b"kubepods"] => true,
        [.., b"kubepods", class] => matches!(*class, b"burstable" | b"besteffort"),
        _ => false,
    };
    std::str::from_utf8(uid).ok().filter(|_| placed)
}

/// A pod's uid: a UUID; of a static pod the 32 digits of a hash.
fn is_uid(text: &[u8]) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let digits = |(place, byte): (usize, &u8)| {
        if text.len() == 36 && DASHES.contains(&place) {
            *byte == b'-'
        } else {
            is_hexadecimal(*byte)
        }
    };
    matches!(text.len(), 32 | 36) && text.iter().enumerate().all(digits)
}
