use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::{
    Work,
    tool::{missing, run},
};
use crate::{bench::companion::Companion, toolchain::Search, workspace};

pub(super) const NAME: &str = "pgbench, 1 000 transactions";

const PACKAGE: &str = "postgresql";
const CLIENTS: &str = "4";
const TRANSACTIONS_PER_CLIENT: &str = "250";
/// The role that everything is done as.
const ROLE: &str = "bench";
/// The server refuses to run as root: the first of these that there is runs it.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A running server with its data.
struct Cluster {
    // Before the data that it writes to: fields are dropped in this order.
    server: Companion,
    directory: TempDir,
    programs: PathBuf,
}

/// The transactions of TPC-B by four clients over a unix socket.
///
/// Nothing is synced to disk, and no vacuum starts by itself: the figures would be theirs.
pub(super) fn prepare(directory: &Path, search: &Search) -> Result<Work> {
    let programs = programs(search)?;
    let user = unprivileged_user()?;
    // Not below the bench's own folder, which only root can enter.
    let cluster = tempfile::Builder::new()
        .prefix("sensor-bench-postgres-")
        .tempdir()
        .context("make a temporary folder")?;
    if let Some((user, group)) = user {
        chown(cluster.path(), Some(user), Some(group))
            .with_context(|| format!("give {} to user {user}", cluster.path().display()))?;
    }
    let data = cluster.path().join("data");
    let command = |program: &str| {
        let mut command = Command::new(programs.join(program));
        // The folder that this was started in may be closed to the user.
        command.current_dir(cluster.path()).env("LC_ALL", "C");
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        command
    };

    let mut initialise = command("initdb");
    initialise.args(["--no-sync", "--auth=trust", "--encoding=UTF8"]);
    initialise.arg(format!("--username={ROLE}"));
    run(initialise.arg("--pgdata").arg(&data))?;
    let mut serve = command("postgres");
    serve.arg("-D").arg(&data).arg("-k").arg(cluster.path());
    for setting in ["listen_addresses=", "fsync=off", "autovacuum=off"] {
        serve.args(["-c", setting]);
    }
    let errors = directory.join("postgres-errors");
    let mut server = Companion::start("postgres", &mut serve, &errors)?;
    // Its last line says so once it takes connections.
    let state = data.join("postmaster.pid");
    server.wait_until(Duration::from_mins(1), || {
        Ok(fs::read_to_string(&state).is_ok_and(|text| is_ready(&text)))
    })?;
    let mut cluster = Cluster {
        server,
        directory: cluster,
        programs,
    };
    cluster.benchmark(&["--initialize", "--quiet", "--scale=4"])?;
    let clients = format!("--client={CLIENTS}");
    let transactions = format!("--transactions={TRANSACTIONS_PER_CLIENT}");
    Ok(Work::new(NAME, move || {
        cluster.benchmark(&["--no-vacuum", "--jobs=2", &clients, &transactions])
    }))
}

impl Cluster {
    fn benchmark(&mut self, arguments: &[&str]) -> Result<()> {
        self.server.check()?;
        let mut command = Command::new(self.programs.join("pgbench"));
        command.arg("--host").arg(self.directory.path());
        run(command
            .args(["--username", ROLE])
            .args(arguments)
            .arg("postgres"))
    }
}

/// The folder of the server's programs: that of one in `PATH`, or the newest one where Debian
/// has them, which `PATH` has not.
fn programs(search: &Search) -> Result<PathBuf> {
    const VERSIONS: &str = "/usr/lib/postgresql";
    /// In `PATH` alone, as in a search in other folders, nothing else is looked at.
    const NEEDED: [&str; 3] = ["initdb", "postgres", "pgbench"];
    let mut folders = search.program_folders.clone();
    let usual = Path::new("/usr/bin");
    if folders.iter().any(|folder| folder == usual) {
        folders.extend(newest_first(Path::new(VERSIONS)));
    }
    let whole = |folder: &PathBuf| NEEDED.iter().all(|name| folder.join(name).is_file());
    folders
        .into_iter()
        .find(whole)
        .with_context(|| missing(NEEDED[0], PACKAGE))
}

/// The folders `<version>/bin`.
fn newest_first(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// User and group that the server runs as; none if this is not root.
fn unprivileged_user() -> Result<Option<(u32, u32)>> {
    if !workspace::is_root()? {
        return Ok(None);
    }
    for user in USERS {
        if let (Some(user), Some(group)) = (identity("-u", user)?, identity("-g", user)?) {
            ensure!(user != 0, "the user `{}` is root", USERS[0]);
            return Ok(Some((user, group)));
        }
    }
    bail!(
        "the server does not run as root, and there is no user `{}`: on Debian `apt-get install \
         {PACKAGE}` makes the first",
        USERS.join("` or `")
    )
}

/// What `id` says of a user; none if there is no such user.
fn identity(what: &str, user: &str) -> Result<Option<u32>> {
    let output = Command::new("id")
        .args([what, user])
        .output()
        .context("start `id`")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

/// Whether the server's file says that it takes connections: its eighth line.
fn is_ready(state: &str) -> bool {
    state
        .lines()
        .nth(7)
        .is_some_and(|line| line.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{is_ready, newest_first};

    #[test]
    fn the_newest_version_comes_first() {
        let directory = tempfile::tempdir().expect("a folder");
        for name in ["9", "15", "common"] {
            fs::create_dir(directory.path().join(name)).expect("made");
        }
        let found = newest_first(directory.path());
        let expected = ["15/bin", "9/bin"].map(|name| directory.path().join(name));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_server_is_ready_when_it_says_so() {
        let state = "71\n/data\n1\n5432\n/run\n\n  9 8\n";
        assert!(!is_ready(&format!("{state}starting\n")));
        assert!(is_ready(&format!("{state}ready   \n")));
    }
}
