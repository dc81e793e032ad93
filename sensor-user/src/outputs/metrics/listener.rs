use std::{
    fs, io,
    net::TcpListener,
    os::unix::{
        fs::FileTypeExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use rustix::{fs::Mode, process::umask};
use thiserror::Error;

use crate::policy::MetricsAddress;

/// Metrics cannot be served at an address.
#[derive(Debug, Error)]
#[error("cannot serve metrics at {address}")]
pub struct ListenError {
    /// The address.
    pub address: MetricsAddress,
    /// What the system said.
    pub source: io::Error,
}

/// A socket that takes connections.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Removes the socket's file.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the socket's file stays");
        }
    }
}

/// Listens; only root can use a Unix socket.
pub(super) fn listen(
    address: &MetricsAddress,
) -> Result<(Listener, Option<SocketFile>), ListenError> {
    let bound = match address {
        MetricsAddress::Tcp(address) => TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map(|listener| (Listener::Tcp(listener), None)),
        MetricsAddress::Unix(path) => listen_at(path).map(|listener| {
            let file = SocketFile(path.clone());
            (Listener::Unix(listener), Some(file))
        }),
    };
    bound.map_err(|source| ListenError {
        address: address.clone(),
        source,
    })
}

fn listen_at(path: &Path) -> io::Result<UnixListener> {
    remove_left_over(path)?;
    // The file is made with its rights: nobody connects before they are set.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Removes the socket of a sensor that was killed; anything else stays, and is in the way.
fn remove_left_over(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    let refused = || {
        let connected = UnixStream::connect(path);
        connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket && refused() {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_socket_is_its_user_s_alone_and_goes_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.sock");
        let address = MetricsAddress::Unix(path.clone());
        let (listener, file) = listen(&address).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        // Somebody is there: nothing is taken away.
        let error = listen(&address).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("metrics.sock"), "{error}");

        // Nobody is there any more, and the file is left over.
        drop(listener);
        std::mem::forget(file);
        let (_listener, file) = listen(&address).unwrap();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        fs::write(&path, b"x").unwrap();
        listen(&MetricsAddress::Unix(path.clone())).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }
}
