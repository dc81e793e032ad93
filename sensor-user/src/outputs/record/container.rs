use schemars::JsonSchema;
use serde::Serialize;

use crate::state::ContainerRuntime;

/// A container, as far as the path of its cgroup tells. Of nested ones the
/// innermost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ContainerPart {
    /// The runtime's id of it, 64 hexadecimal digits; with `systemd-nspawn` and
    /// `lxc` its name.
    pub id: String,
    /// What runs it.
    pub runtime: ContainerRuntime,
    /// Uid of the Kubernetes pod around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
}
