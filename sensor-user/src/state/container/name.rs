//! From a cgroup's path to the container it belongs to.

use super::{
    Container, ContainerRuntime,
    machine::{self, is_name},
    pod,
};

/// The innermost container that a path leads into: of nested ones the one that
/// the processes see, and of cgroups that a container made inside itself the
/// container.
///
/// Names are matched as whole components, digit by digit: what only looks
/// alike is none. A name is worth as much as the right to make cgroups at its
/// place. The host gives that to root, to a user in the subtree that is theirs
/// (`user@UID.service` and below), and to a container that runs systemd or
/// containers of its own. So a user may run what looks like a container, and
/// such a container what looks like one inside it; but nobody gets rid of a
/// container's name, which stands further out than what is theirs.
pub(super) fn container_of(path: &[u8]) -> Option<Container> {
    let components: Vec<&[u8]> = path
        .strip_prefix(b"/")?
        .split(|&byte| byte == b'/')
        .collect();
    if components.contains(&&b".."[..]) {
        return None;
    }
    let innermost = (0..components.len()).rev();
    innermost.into_iter().find_map(|index| {
        let (outer, from_here) = components.split_at(index);
        let (name, below) = from_here.split_first()?;
        let (runtime, id) = by_own_name(name)
            .or_else(|| by_parent(name, outer))
            .or_else(|| machine::found(name, below.first().copied()))?;
        let pod_uid = (0..=index)
            .rev()
            .find_map(|index| pod::uid(components[index], &components[..index]));
        Some(Container {
            runtime,
            id: id.into(),
            pod_uid: pod_uid.map(String::into_boxed_str),
        })
    })
}

/// Runtime and id.
pub(super) type Found = (ContainerRuntime, String);

/// Names that tell runtime and id:
///
/// - `docker-ID.scope` and the like: runtimes that leave cgroups to systemd;
/// - `libpod-ID`, `libpod-payload-ID` (a service that runs podman), `crio-ID`:
///   runtimes that make them themselves;
/// - `SLICE:cri-containerd:ID`: a name for systemd that a runtime which makes
///   cgroups itself took literally.
///
/// The monitors beside the containers, `crio-conmon-ID.scope` and
/// `libpod-conmon-ID.scope`, are none.
fn by_own_name(name: &[u8]) -> Option<Found> {
    let name = std::str::from_utf8(name).ok()?;
    let (runtime, id) = if let Some(scope) = name.strip_suffix(".scope") {
        let (prefix, id) = scope.rsplit_once('-')?;
        (unit(prefix)?, id)
    } else if let Some((slice, rest)) = name.split_once(':') {
        let (prefix, id) = rest.split_once(':')?;
        (unit(prefix).filter(|_| !slice.is_empty())?, id)
    } else {
        let (prefix, id) = name.rsplit_once('-')?;
        let runtime = match prefix {
            "libpod" | "libpod-payload" => ContainerRuntime::Podman,
            "crio" => ContainerRuntime::CriO,
            _ => return None,
        };
        (runtime, id)
    };
    is_id(id.as_bytes()).then(|| (runtime, id.to_owned()))
}

/// The runtime that names its units so.
fn unit(prefix: &str) -> Option<ContainerRuntime> {
    match prefix {
        "docker" => Some(ContainerRuntime::Docker),
        "libpod" => Some(ContainerRuntime::Podman),
        "crio" => Some(ContainerRuntime::CriO),
        "cri-containerd" | "nerdctl" => Some(ContainerRuntime::Containerd),
        _ => None,
    }
}

/// Bare ids and names, known by where they stand: `docker/ID`,
/// `kubepods/…/podUID/ID`, `lxc/NAME`; and `lxc.payload.NAME`.
fn by_parent(name: &[u8], outer: &[&[u8]]) -> Option<Found> {
    let text = std::str::from_utf8(name).ok()?;
    if let Some(payload) = text.strip_prefix("lxc.payload.") {
        return is_name(payload).then(|| (ContainerRuntime::Lxc, payload.to_owned()));
    }
    let (parent, above) = outer.split_last()?;
    let runtime = if *parent == b"lxc" && is_name(text) {
        ContainerRuntime::Lxc
    } else if !is_id(name) {
        return None;
    } else if *parent == b"docker" {
        ContainerRuntime::Docker
    } else if pod::directory(parent, above).is_some() {
        ContainerRuntime::Containerd
    } else {
        return None;
    };
    Some((runtime, text.to_owned()))
}

pub(super) fn is_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// 64 hexadecimal digits, as the runtimes write them.
fn is_id(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(|&byte| is_hexadecimal(byte))
}

#[cfg(test)]
mod tests;
