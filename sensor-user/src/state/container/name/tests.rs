use proptest::prelude::*;

use super::*;

const ID: &str = "4c01db0b339c4ae5f6eb7a4cf51b0f8ad4fc1e28d6e3bf4a3b9d1c6e0a5f7d21";
const OTHER: &str = "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999";
const UID: &str = "0d3f7c5e-1a2b-4c3d-8e4f-5a6b7c8d9e0f";
const SLICE_UID: &str = "0d3f7c5e_1a2b_4c3d_8e4f_5a6b7c8d9e0f";
const STATIC_UID: &str = "7f1b6a4cf51b0f8ad4fc1e28d6e3bf4a";

fn filled(path: &str) -> String {
    path.replace("STATIC", STATIC_UID)
        .replace("SLICE_UID", SLICE_UID)
        .replace("UID", UID)
        .replace("OTHER", OTHER)
        .replace("ID", ID)
}

/// Runtime, id and pod uid that a path should give.
type Expected = (ContainerRuntime, &'static str, Option<&'static str>);

use ContainerRuntime::{Containerd, CriO, Docker, Lxc, Podman, SystemdNspawn};

/// Paths as the runtimes make them.
const REAL: &[(&str, Expected)] = &[
    // Docker: systemd and cgroupfs driver, rootless, in Docker, in GitHub's runner.
    ("/system.slice/docker-ID.scope", (Docker, ID, None)),
    ("/docker/ID", (Docker, ID, None)),
    (
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
        (Docker, ID, None),
    ),
    ("/docker/OTHER/docker/ID", (Docker, ID, None)),
    (
        "/docker/OTHER/system.slice/docker-ID.scope",
        (Docker, ID, None),
    ),
    (
        "/system.slice/docker-ID.scope/init.scope",
        (Docker, ID, None),
    ),
    (
        "/system.slice/docker-ID.scope/system.slice/nginx.service",
        (Docker, ID, None),
    ),
    ("/system.slice:docker:ID", (Docker, ID, None)),
    // containerd below Kubernetes: systemd driver, all classes.
    (
        "/kubepods.slice/kubepods-podSLICE_UID.slice/cri-containerd-ID.scope",
        (Containerd, ID, Some(UID)),
    ),
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE_UID.slice/\
             cri-containerd-ID.scope",
        (Containerd, ID, Some(UID)),
    ),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podSTATIC.slice/\
             cri-containerd-ID.scope",
        (Containerd, ID, Some(STATIC_UID)),
    ),
    // In kind, which is a container itself.
    (
        "/docker/OTHER/kubelet.slice/kubelet-kubepods.slice/\
             kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-podSLICE_UID.slice/\
             cri-containerd-ID.scope",
        (Containerd, ID, Some(UID)),
    ),
    // cgroupfs driver.
    ("/kubepods/podUID/ID", (Containerd, ID, Some(UID))),
    ("/kubepods/burstable/podUID/ID", (Containerd, ID, Some(UID))),
    (
        "/kubepods/besteffort/podUID/ID",
        (Containerd, ID, Some(UID)),
    ),
    (
        "/kubepods/burstable/podSTATIC/ID",
        (Containerd, ID, Some(STATIC_UID)),
    ),
    (
        "/docker/OTHER/kubelet/kubepods/podUID/ID",
        (Containerd, ID, Some(UID)),
    ),
    (
        "/kubepods/besteffort/podUID/ID/system.slice/a.service",
        (Containerd, ID, Some(UID)),
    ),
    // A name for systemd, taken literally.
    (
        "/system.slice/containerd.service/\
             kubepods-burstable-podSLICE_UID.slice:cri-containerd:ID",
        (Containerd, ID, Some(UID)),
    ),
    (
        "/kubepods-besteffort-podSLICE_UID.slice:cri-containerd:ID",
        (Containerd, ID, Some(UID)),
    ),
    ("/k8s.io:cri-containerd:ID", (Containerd, ID, None)),
    ("/system.slice/nerdctl-ID.scope", (Containerd, ID, None)),
    // Docker in a pod's container.
    ("/kubepods/podUID/OTHER/docker/ID", (Docker, ID, Some(UID))),
    // CRI-O.
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE_UID.slice/\
             crio-ID.scope",
        (CriO, ID, Some(UID)),
    ),
    (
        "/kubepods.slice/kubepods-podSLICE_UID.slice/crio-ID.scope/container",
        (CriO, ID, Some(UID)),
    ),
    ("/kubepods/burstable/podUID/crio-ID", (CriO, ID, Some(UID))),
    ("/system.slice/crio-ID.scope", (CriO, ID, None)),
    // Podman: root, rootless, in a pod of its own, without systemd, in a service.
    ("/machine.slice/libpod-ID.scope", (Podman, ID, None)),
    (
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
        (Podman, ID, None),
    ),
    (
        "/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope",
        (Podman, ID, None),
    ),
    ("/libpod_parent/libpod-ID", (Podman, ID, None)),
    (
        "/system.slice/web.service/libpod-payload-ID",
        (Podman, ID, None),
    ),
    (
        "/machine.slice/libpod-OTHER.scope/docker/ID",
        (Docker, ID, None),
    ),
    // systemd-nspawn.
    (
        "/machine.slice/systemd-nspawn@web.service",
        (SystemdNspawn, "web", None),
    ),
    (
        "/machine.slice/systemd-nspawn@web-1.service/payload/init.scope",
        (SystemdNspawn, "web-1", None),
    ),
    (
        "/machine.slice/machine-web\\x2d1.scope",
        (SystemdNspawn, "web-1", None),
    ),
    (
        "/machine.slice/machine-web.scope/payload",
        (SystemdNspawn, "web", None),
    ),
    // LXC, LXD, Proxmox.
    ("/lxc.payload.web", (Lxc, "web", None)),
    (
        "/lxc.payload.project_web-1/init.scope",
        (Lxc, "project_web-1", None),
    ),
    ("/lxc/100/ns/system.slice/ssh.service", (Lxc, "100", None)),
    ("/lxc/web/lxc/inner", (Lxc, "inner", None)),
];

#[test]
fn real_paths_tell_their_container() {
    for (path, (runtime, id, pod_uid)) in REAL {
        let expected = Some(Container {
            runtime: *runtime,
            id: (*id).into(),
            pod_uid: pod_uid.map(Into::into),
        });
        assert_eq!(container_of(filled(path).as_bytes()), expected, "{path}");
    }
}

#[test]
fn what_only_looks_alike_is_none() {
    let long = "x".repeat(65);
    for path in [
        "",
        "/",
        "docker/ID",
        "/ID",
        "/docker",
        "/docker/ID/a/../b",
        "/docker/buildkit/ID",
        "/init.scope",
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        "/user.slice/user-1000.slice/session-2.scope",
        // A digit too few, too many, or none.
        "/docker/0ID",
        "/system.slice/docker-0ID.scope",
        "/system.slice/docker-abc.scope",
        "/system.slice/docker-.scope",
        "/system.slice/docker-ID.scope2",
        "/system.slice/xdocker-ID.scope",
        "/system.slice/docker-IDX.scope",
        "/system.slice/docker-ID",
        "/system.slice/docker-ID.service",
        "/system.slice/docker-ID.scope (deleted)",
        "/docker/IDé",
        // Monitors and supervisors.
        "/machine.slice/libpod-conmon-ID.scope",
        "/system.slice/crio-conmon-ID.scope",
        "/kubepods/burstable/podUID/crio-conmon-ID",
        "/libpod_parent/conmon",
        "/lxc.monitor.web",
        "/machine.slice/machine-web.scope/supervisor",
        "/machine.slice/systemd-nspawn@web.service/supervisor",
        // A pod's own cgroup.
        "/kubepods/burstable/podUID",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSLICE_UID.slice",
        // Not where a pod is.
        "/podUID/ID",
        "/kubepods/other/podUID/ID",
        "/kubepods/burstable/pod/ID",
        "/kubepods/burstable/podUID0/ID",
        "/kubepods/ID",
        // Not quite taken literally.
        "/:cri-containerd:ID",
        "/a:b:cri-containerd:ID",
        "/a:cri-containerd:ID:b",
        "/a:containerd:ID",
        // Machines that are none, or have no name.
        "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope",
        "/machine.slice/machine-lxc\\x2d3\\x2dweb.scope",
        "/machine.slice/machine-.scope",
        "/machine.slice/machine-a\\x2.scope",
        "/machine.slice/machine-a\\x2fb.scope",
        "/machine.slice/machine-a\\x+1b.scope",
        "/machine.slice/systemd-nspawn@.service",
        "/machine.slice/systemd-nspawn@-a.service",
        "/machine.slice/systemd-nspawn@é.service",
        "/lxc/..",
        "/lxc/.hidden",
        "/lxc/a..b",
        "/lxc.payload.",
        "/lxc.payload.a b",
        "/lxc",
    ] {
        assert_eq!(container_of(filled(path).as_bytes()), None, "{path}");
    }
    for path in [
        format!("/docker/{}", &ID[1..]),
        format!("/docker/{}", ID.to_uppercase()),
        format!("/system.slice/docker-{}.scope", &ID[1..]),
        format!("/lxc/{long}"),
        format!("/lxc.payload.{long}"),
        format!("/machine.slice/systemd-nspawn@{long}.service"),
    ] {
        assert_eq!(container_of(path.as_bytes()), None, "{path}");
    }
}

#[test]
fn a_pod_that_only_looks_like_one_has_no_uid() {
    for pod in [
        "kubepods-burstable-pod0d3f7c5e-1a2b-4c3d-8e4f-5a6b7c8d9e0f.slice",
        "kubepods-burstable-podSLICE_UID0.slice",
        "kubepods-other-podSLICE_UID.slice",
        "mykubepods-podSLICE_UID.slice",
        "kubepods-podSLICE_UID.scope",
    ] {
        let path = filled(&format!("/kubepods.slice/{pod}/crio-ID.scope"));
        let found = container_of(path.as_bytes()).unwrap();
        assert_eq!((&*found.id, found.pod_uid), (ID, None), "{path}");
    }
}

/// A path whose components are no container's, each without the words that
/// make one.
fn ordinary_path() -> impl Strategy<Value = Vec<u8>> {
    let component = prop_oneof![
        "[a-z0-9.@:_-]{1,80}",
        "[0-9a-f]{64}",
        "[a-z]{1,8}-[0-9a-f]{64}\\.scope",
        "[a-z.]{1,8}:[a-z]{1,9}:[0-9a-f]{64}",
        "pod[0-9a-f]{32}",
    ]
    .prop_filter("a container's word", |name| {
        [
            "docker",
            "libpod",
            "crio",
            "containerd",
            "nerdctl",
            "nspawn",
            "machine",
            "lxc",
        ]
        .iter()
        .all(|word| !name.contains(word))
            && name != "kubepods"
    })
    .prop_map(String::into_bytes);
    let raw = proptest::collection::vec(any::<u8>().prop_filter("a slash", |b| *b != b'/'), 1..300)
        .prop_filter("a container's word", |name| {
            let name = String::from_utf8_lossy(name).into_owned();
            !["lxc", "machine-", "nspawn"]
                .iter()
                .any(|word| name.contains(word))
        });
    proptest::collection::vec(prop_oneof![component, raw], 0..12).prop_map(|names| {
        names
            .iter()
            .flat_map(|name| [b"/", &name[..]].concat())
            .collect()
    })
}

proptest! {
    #[test]
    fn an_ordinary_path_is_of_no_container(path in ordinary_path()) {
        prop_assert_eq!(container_of(&path), None);
    }

    #[test]
    fn no_bytes_make_it_panic(path in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = container_of(&path);
        let _ = container_of(&[b"/", &path[..]].concat());
    }

    #[test]
    fn no_names_make_it_panic(
        names in proptest::collection::vec(
            "(docker|lxc|kubepods|burstable|machine|systemd-nspawn@|libpod|crio|\\.payload\\.|pod)?\
             [-:.\\\\x_@é0-9a-f]{0,70}(\\.scope|\\.slice|\\.service)?",
            0..8,
        ),
    ) {
        let path = format!("/{}", names.join("/"));
        if let Some(container) = container_of(path.as_bytes()) {
            prop_assert!((1..=64).contains(&container.id.len()));
            prop_assert!(container.id.is_ascii());
        }
    }

    #[test]
    fn cgroups_inside_are_their_container_s(inside in ordinary_path()) {
        prop_assume!(!inside.split(|byte| *byte == b'/').any(|name| name == b".."));
        let path = [filled("/system.slice/docker-ID.scope").as_bytes(), &inside].concat();
        let container = container_of(&path);
        prop_assert_eq!(container.map(|found| found.id), Some(ID.into()));
    }

    #[test]
    fn another_digit_more_or_less_is_no_id(place in 0usize..64, digit in "[0-9a-f]") {
        for shape in ["/docker/ID", "/system.slice/docker-ID.scope", "/libpod_parent/libpod-ID"] {
            let mut more = ID.to_owned();
            more.insert_str(place, &digit);
            let mut less = ID.to_owned();
            less.remove(place);
            for id in [more, less] {
                prop_assert_eq!(container_of(shape.replace("ID", &id).as_bytes()), None);
            }
        }
    }
}
