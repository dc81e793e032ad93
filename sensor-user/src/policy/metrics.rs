//! Where metrics are served.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{ConfigError, range::Ranges};

/// The longest path of a Unix socket, in bytes (`sun_path` with its final zero).
const SOCKET_PATH_BYTES: usize = 107;
/// What a Unix socket's address begins with.
const UNIX: &str = "unix:";

/// The section `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Where they are served; nowhere when `None`.
    pub listen: Option<MetricsAddress>,
    /// Whether that may be an address that other machines reach.
    pub allow_remote: bool,
}

/// An address that metrics are served at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A socket with an absolute path.
    Unix(PathBuf),
    /// An address with a port.
    Tcp(SocketAddr),
}

/// An address that was refused.
#[derive(Debug, Error)]
#[error("{key} is {found:?}, allowed is {allowed}")]
pub struct AddressError {
    /// The key or option.
    pub key: &'static str,
    /// The value.
    pub found: String,
    /// What would be right.
    pub allowed: &'static str,
}

impl MetricsAddress {
    /// Reads `unix:PATH` or `ADDRESS:PORT`; the latter of this machine alone, unless the policy says
    /// otherwise. `key` is where it was written.
    pub fn parse(key: &'static str, text: &str, allow_remote: bool) -> Result<Self, AddressError> {
        let refused = |allowed| AddressError {
            key,
            found: text.to_owned(),
            allowed,
        };
        if let Some(path) = text.strip_prefix(UNIX) {
            let path = Path::new(path);
            if !path.is_absolute() || path.as_os_str().len() > SOCKET_PATH_BYTES {
                return Err(refused(
                    "`unix:` with an absolute path of at most 107 bytes, such as \
                     unix:/run/sensor/metrics.sock",
                ));
            }
            return Ok(Self::Unix(path.into()));
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            refused("an IP address with a port, such as 127.0.0.1:9464, or `unix:` with a path")
        })?;
        if !allow_remote && !is_local(address.ip()) {
            return Err(refused(
                "a loopback address, such as 127.0.0.1:9464, or `unix:` with a path: other machines \
                 could read it, which only `allow_remote = true` in [metrics] allows",
            ));
        }
        Ok(Self::Tcp(address))
    }
}

/// Whether only this machine reaches it.
fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "{UNIX}{}", path.display()),
            Self::Tcp(address) => write!(formatter, "{address}"),
        }
    }
}

impl Ranges<'_> {
    /// The section's values.
    pub(super) fn metrics(
        self,
        listen: Option<&str>,
        allow_remote: bool,
    ) -> Result<Metrics, ConfigError> {
        let listen = listen
            .map(|text| MetricsAddress::parse("metrics.listen", text, allow_remote))
            .transpose()
            .map_err(|refused| {
                let found = format!("{:?}", refused.found);
                self.error(refused.key, found, refused.allowed.into())
            })?;
        Ok(Metrics {
            listen,
            allow_remote,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, allow_remote: bool) -> Result<String, String> {
        MetricsAddress::parse("--metrics", text, allow_remote)
            .map(|address| address.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn this_machine_is_allowed() {
        for text in [
            "127.0.0.1:9464",
            "127.9.9.9:1",
            "[::1]:9464",
            "[::ffff:127.0.0.1]:9464",
            "unix:/run/sensor/metrics.sock",
        ] {
            assert_eq!(parse(text, false).as_deref(), Ok(text));
        }
    }

    #[test]
    fn others_only_when_it_is_said() {
        for text in [
            "0.0.0.0:9464",
            "[::]:9464",
            "192.0.2.1:80",
            "[2001:db8::1]:80",
        ] {
            let error = parse(text, false).unwrap_err();
            for part in ["--metrics", text, "127.0.0.1:9464", "allow_remote = true"] {
                assert!(error.contains(part), "{error}");
            }
            assert_eq!(parse(text, true).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_one() {
        for (text, part) in [
            ("", "127.0.0.1:9464"),
            ("9464", "127.0.0.1:9464"),
            ("127.0.0.1", "with a port"),
            ("localhost:9464", "an IP address"),
            ("unix:metrics.sock", "absolute path"),
            ("unix:", "/run/sensor/metrics.sock"),
            (&format!("unix:/{}", "x".repeat(107)), "at most 107 bytes"),
        ] {
            for allow_remote in [false, true] {
                let error = parse(text, allow_remote).unwrap_err();
                assert!(error.contains(part), "{text:?} gives {error:?}");
            }
        }
    }
}
