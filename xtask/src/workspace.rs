//! Where the workspace is, and how commands are run in it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// The folder of the workspace's manifest.
pub(crate) fn root() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .context("CARGO_MANIFEST_DIR is not set: start this program as `cargo xtask`")?;
    let root = Path::new(&package).parent();
    Ok(root.context("CARGO_MANIFEST_DIR has no parent")?.to_owned())
}

/// Where cargo puts what it builds: this program lies in `<target>/<profile>/`.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let program = env::current_exe().context("find the path of this program")?;
    let target = program.parent().and_then(Path::parent);
    Ok(target
        .with_context(|| format!("{} is not in a target folder", program.display()))?
        .to_owned())
}

/// The cargo that started this program, working in the workspace.
pub(crate) fn cargo() -> Result<Command> {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root()?);
    Ok(command)
}

/// A command that installs a program of crates.io into cargo's bin folder.
pub(crate) fn cargo_install(package: &str, version: &str) -> Result<Command> {
    let mut command = cargo()?;
    // What steers the build of the kernel programs must not reach a program of the host.
    for name in [
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    command
        // Nobody waits for these tools; their builds are what takes time.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .args(["install", package, "--version", version, "--locked"]);
    Ok(command)
}

/// Runs a command that must succeed.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("start {}", shown(command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    format!("`{line}`")
}

/// Whether the effective user is root.
pub(crate) fn is_root() -> Result<bool> {
    const STATUS: &str = "/proc/self/status";
    let status = fs::read_to_string(STATUS).with_context(|| format!("read {STATUS}"))?;
    let user = effective_user(&status)
        .with_context(|| format!("{STATUS} has no line `Uid:` with an effective user in it"))?;
    Ok(user == 0)
}

fn effective_user(status: &str) -> Option<u32> {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{effective_user, shown};

    #[test]
    fn the_effective_user_is_the_second_one() {
        let status = "Name:\txtask\nUid:\t1000\t0\t1000\t1000\nGid:\t5\t6\t7\t8\n";
        assert_eq!(effective_user(status), Some(0));
        assert_eq!(effective_user("Name:\txtask\n"), None);
    }

    #[test]
    fn commands_are_shown_without_the_folder_of_the_program() {
        let mut command = Command::new("/some/where/cargo");
        command.args(["build", "--release"]);
        assert_eq!(shown(&command), "`cargo build --release`");
    }
}
