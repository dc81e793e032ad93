use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

/// A network act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NetworkPart {
    /// `ipv4`, `ipv6`, `unix`, `netlink`, `packet`, or the number of another
    /// family.
    pub family: Cow<'static, str>,
    /// `stream`, `datagram`, `raw`, or the number of another type.
    pub socket_type: Cow<'static, str>,
    /// IP protocol number.
    pub protocol: u16,
    /// Local address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_address: Option<String>,
    /// Local port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// Remote address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    /// Remote port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u16>,
    /// Name of a Unix socket; `@` stands for the zero byte of an abstract one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_path: Option<String>,
    /// What the system call returned: zero, a descriptor, or a negative errno.
    /// Absent when the hook runs before the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
    /// True when the address is the caller's argument: a failed call leaves
    /// none on the socket.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub address_from_argument: bool,
    /// `network.stdio`: the stream that is a socket now: 0, 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<u32>,
    /// `network.dns`: the question, unless the message holds no whole one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsPart>,
}

/// A DNS question (RFC 1035).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DnsPart {
    /// Name asked for, without the ending dot; `.` for the root. A byte that is
    /// no printable ASCII is written `\DDD`, in decimal; a dot inside a label
    /// and a backslash have a backslash before them.
    pub question: String,
    /// Record type asked for: 1 for A, 16 for TXT, 28 for AAAA.
    #[serde(rename = "type")]
    pub record_type: u16,
}
