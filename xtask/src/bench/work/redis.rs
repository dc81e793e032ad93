use std::{os::unix::net::UnixStream, path::Path, process::Command, time::Duration};

use anyhow::Result;

use super::{
    Work,
    tool::{find, run},
};
use crate::{bench::companion::Companion, toolchain::Search};

pub(super) const NAME: &str = "redis-benchmark, 40 000 requests";

/// Of each kind.
const REQUESTS: &str = "20000";

/// Sets and gets by twenty clients over a unix socket, of a server that keeps nothing on disk.
pub(super) fn prepare(directory: &Path, search: &Search) -> Result<Work> {
    let program = find(search, "redis-server", "redis-server")?;
    let benchmark = find(search, "redis-benchmark", "redis-tools")?;
    let socket = directory.join("redis.socket");
    let mut command = Command::new(program);
    command
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--dir"])
        .arg(directory)
        .arg("--unixsocket")
        .arg(&socket);
    let errors = directory.join("redis-errors");
    let mut server = Companion::start("redis-server", &mut command, &errors)?;
    let answers = || Ok(UnixStream::connect(&socket).is_ok());
    server.wait_until(Duration::from_secs(30), answers)?;
    Ok(Work::new(NAME, move || {
        server.check()?;
        let mut command = Command::new(&benchmark);
        command.arg("-s").arg(&socket);
        run(command.args(["-t", "set,get", "-n", REQUESTS, "-c", "20", "-q"]))
    }))
}
