//! The container that a cgroup's path tells of.

use std::cell::RefCell;

use sensor_user::{
    event::CgroupCreate,
    state::{Container, ContainerRuntime, ContainerTable},
};

/// Number of the hierarchy that the cgroups are of.
const HIERARCHY: u32 = 0;
/// A longer path is one that the kernel cut.
const PATH_MAX: usize = 1_022;

thread_local! {
    /// A table is dear to make, and a new id is as good as a new table.
    static CONTAINERS: RefCell<(ContainerTable, u64)> =
        RefCell::new((ContainerTable::new(Some(HIERARCHY), None), 0));
}

/// Paths as the runtimes make them.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    const POD: &str = "01234567-89ab-cdef-0123-456789abcdef";
    let id = "0123456789abcdef".repeat(4);
    let slice = format!("kubepods-burstable-pod{}.slice", POD.replace('-', "_"));
    [
        format!("/system.slice/docker-{id}.scope"),
        format!("/docker/{id}/init.scope"),
        format!("/kubepods/besteffort/pod{POD}/{id}"),
        format!("/kubepods.slice/kubepods-burstable.slice/{slice}/cri-containerd-{id}.scope"),
        format!("/kubepods.slice/{slice}/crio-{id}.scope/container"),
        format!("/system.slice/containerd.service/{slice}:cri-containerd:{id}"),
        format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"),
        format!("/machine.slice/libpod-conmon-{id}.scope"),
        format!("/machine.slice/libpod-payload-{id}"),
        "/machine.slice/systemd-nspawn@a\\x2db.service/payload".to_owned(),
        "/machine.slice/machine-guest.scope/supervisor".to_owned(),
        "/lxc.payload.web/system.slice".to_owned(),
        "/lxc/web".to_owned(),
        "/user.slice/user-1000.slice/session-2.scope".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// What is found is worth its name, and a cgroup made inside a container does
/// not lead out of it.
pub fn check(path: &[u8]) {
    let Some(found) = container_of(path) else {
        return;
    };
    let id = found.id.as_bytes();
    let has_name = matches!(
        found.runtime,
        ContainerRuntime::Lxc | ContainerRuntime::SystemdNspawn
    );
    if has_name {
        assert!(
            (1..=64).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic),
            "a name that no container has: {found:?}"
        );
    } else {
        assert!(
            id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit),
            "an id that no container has: {found:?}"
        );
        assert!(
            path.windows(id.len()).any(|part| part == id),
            "the id is not in the path: {found:?}"
        );
    }
    if let Some(uid) = &found.pod_uid {
        assert!(
            matches!(uid.len(), 32 | 36)
                && uid
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
            "a uid that no pod has: {found:?}"
        );
    }
    let inside = [path, b"/x"].concat();
    if inside.len() <= PATH_MAX {
        assert!(
            container_of(&inside).is_some(),
            "a cgroup of its own leads out of {found:?}"
        );
    }
}

fn container_of(path: &[u8]) -> Option<Container> {
    CONTAINERS.with_borrow_mut(|(table, id)| {
        *id += 1;
        table.made(&CgroupCreate {
            id: *id,
            hierarchy: HIERARCHY,
            path,
        });
        table.of(*id).map(|found| Container::clone(found))
    })
}
