//! Containers: which cgroups are one's.

mod machine;
mod name;
mod pod;
mod table;

use schemars::JsonSchema;
use serde::Serialize;

pub use table::ContainerTable;

/// A container, as far as the path of its cgroup tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// What runs it.
    pub runtime: ContainerRuntime,
    /// The runtime's id of it: 64 hexadecimal digits; with systemd-nspawn and
    /// LXC its name, at most 64 letters.
    pub id: Box<str>,
    /// Uid of the Kubernetes pod around it.
    pub pod_uid: Option<Box<str>>,
}

/// What runs a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ContainerRuntime {
    /// Docker.
    #[serde(rename = "docker")]
    Docker,
    /// Podman, or another user of its library.
    #[serde(rename = "podman")]
    Podman,
    /// CRI-O.
    #[serde(rename = "cri-o")]
    CriO,
    /// containerd, below Kubernetes or by itself. Docker below Kubernetes with
    /// the cgroupfs driver names its cgroups in the same way.
    #[serde(rename = "containerd")]
    Containerd,
    /// systemd-nspawn; also what else is registered with systemd-machined as a
    /// machine.
    #[serde(rename = "systemd-nspawn")]
    SystemdNspawn,
    /// LXC, LXD or Incus.
    #[serde(rename = "lxc")]
    Lxc,
}
