//! Builds the object that holds the kernel programs.
//!
//! Like the module `toolchain`, this file is also compiled into `sensor-user/build.rs`.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::toolchain::{Compiler, Toolchain};

const TARGET: &str = "bpfel-unknown-none";

/// Why there is no object.
#[derive(Debug)]
pub(crate) enum BuildError {
    NotStarted {
        command: String,
        error: io::Error,
    },
    Failed {
        command: String,
        status: String,
        llvm: u32,
    },
    Missing {
        command: String,
        object: PathBuf,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { command, error } => {
                write!(
                    formatter,
                    "the kernel programs were not built: {command}: {error}"
                )
            }
            Self::Failed {
                command,
                status,
                llvm,
            } => write!(
                formatter,
                "the kernel programs were not built: {command}: {status}; its messages are above. \
                 (If bpf-linker cannot read bitcode: it needs LLVM {llvm} or newer, as the compiler's)"
            ),
            Self::Missing { command, object } => write!(
                formatter,
                "{command} succeeded, but there is no {}: the package sensor-ebpf should have one \
                 binary of its own name",
                object.display()
            ),
        }
    }
}

impl std::error::Error for BuildError {}

/// Builds the package `sensor-ebpf` of `workspace` for hosts of `architecture`.
///
/// `target_directory` must not be the one of a cargo that waits for this function: it holds the
/// lock on its own.
pub(crate) fn build(
    toolchain: &Toolchain,
    workspace: &Path,
    target_directory: &Path,
    architecture: &str,
) -> Result<PathBuf, BuildError> {
    let compiler = &toolchain.compiler;
    let cargo = compiler
        .cargo
        .as_ref()
        .map(|cargo| cargo.clone().into_os_string())
        .or_else(|| env::var_os("CARGO"))
        .unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    for (name, _) in env::vars_os() {
        if steers_another_build(&name) {
            command.env_remove(name);
        }
    }
    command
        .current_dir(workspace)
        .env("RUSTC", &compiler.rustc)
        // `build-std` is unstable, and the distribution's compiler is a stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(architecture, &toolchain.linker),
        )
        .args(["build", "--release", "--locked", "--package", "sensor-ebpf"])
        // That the agent's crates are made small is not for the kernel.
        .args(["--config", "profile.release.package.\"*\".opt-level=3"])
        .args(["-Z", "build-std=core", "--target", TARGET, "--target-dir"])
        .arg(target_directory)
        // Standard output of a build script is read by cargo as instructions.
        .stdout(Stdio::null());

    let shown = format!(
        "`RUSTC={} {} build --package sensor-ebpf --target {TARGET}`",
        compiler.rustc.display(),
        cargo.display()
    );
    let status = match command.status() {
        Ok(status) => status,
        Err(error) => {
            return Err(BuildError::NotStarted {
                command: shown,
                error,
            });
        }
    };
    if !status.success() {
        return Err(BuildError::Failed {
            command: shown,
            status: status.to_string(),
            llvm: compiler.llvm,
        });
    }
    let object = target_directory.join(TARGET).join("release/sensor-ebpf");
    if !object.is_file() {
        return Err(BuildError::Missing {
            command: shown,
            object,
        });
    }
    Ok(object)
}

/// Debug information is what BTF is made from, and the loader needs BTF.
fn flags(architecture: &str, linker: &Path) -> OsString {
    let mut flags = OsString::from(format!(
        "--cfg=bpf_target_arch=\"{architecture}\"\x1f-Cdebuginfo=2\x1f-Clink-arg=--btf\x1f-Clinker="
    ));
    flags.push(linker);
    flags
}

/// Whether the variable was set for the build that this one runs inside of.
///
/// Cargo and clippy hand their build scripts the host's compiler, wrapper, flags, and package: the
/// inner cargo would take them for its own. How to reach the registry and how to print stay.
fn steers_another_build(name: &OsStr) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    const DROPPED: [&str; 8] = [
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "TARGET",
        "CARGO",
    ];
    const DROPPED_FAMILIES: [&str; 4] = ["CARGO_", "RUSTC", "RUSTDOC", "RUSTFLAGS"];

    // A name that is not UTF-8 is none of cargo's.
    let Some(name) = name.to_str() else {
        return false;
    };
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    (DROPPED.contains(&name) || begins_with(&DROPPED_FAMILIES)) && !begins_with(&KEPT)
}

/// Copies the object without its DWARF, about five sixths of it, which nothing reads at run time;
/// BTF and the instructions stay, but for the relocations of the lines of source, a third of the
/// rest: loaders take the offsets as they stand (`.BTF.ext` of libbpf and aya). Without a tool to do it, the copy is whole.
pub(crate) fn copy_without_dwarf(
    object: &Path,
    destination: &Path,
    compiler: &Compiler,
) -> Result<(), io::Error> {
    for (tool, libraries) in strip_tools(compiler) {
        let mut command = Command::new(tool);
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let status = command
            .args(["--strip-debug", "--remove-section=.rel.BTF.ext"])
            .args([object, destination])
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            return Ok(());
        }
    }
    fs::copy(object, destination).map(drop)
}

/// Debian's LLVM of the compiler's version, then the tool in rustup's toolchains, which finds its
/// libraries only if told where they are.
fn strip_tools(compiler: &Compiler) -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut tools = vec![(
        PathBuf::from(format!("/usr/lib/llvm-{}/bin/llvm-objcopy", compiler.llvm)),
        None,
    )];
    if let Ok(hosts) = fs::read_dir(compiler.sysroot.join("lib/rustlib")) {
        tools.extend(hosts.flatten().map(|host| {
            (
                host.path().join("bin/rust-objcopy"),
                Some(compiler.sysroot.join("lib")),
            )
        }));
    }
    tools
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, path::Path};

    use super::{flags, steers_another_build};

    #[test]
    fn variables_of_the_outer_build_are_dropped() {
        for name in [
            "CARGO",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_BUILD_TARGET",
            "CARGO_CFG_TARGET_ARCH",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "HOST",
            "OUT_DIR",
            "RUSTC",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_WRAPPER",
            "RUSTDOCFLAGS",
            "RUSTFLAGS",
            "TARGET",
        ] {
            assert!(steers_another_build(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn variables_of_the_machine_are_kept() {
        for name in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_MAKEFLAGS",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "CARGO_SOURCE_CRATES_IO_REPLACE_WITH",
            "CARGO_TERM_COLOR",
            "HOME",
            "HOSTNAME",
            "HTTPS_PROXY",
            "PATH",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "RUST_BACKTRACE",
            "TARGETS",
        ] {
            assert!(!steers_another_build(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn flags_are_separated_as_cargo_wants_them() {
        let flags = flags("aarch64", Path::new("/a folder/bpf-linker"));
        let flags: Vec<_> = flags.to_str().expect("UTF-8").split('\x1f').collect();
        assert_eq!(
            flags,
            [
                "--cfg=bpf_target_arch=\"aarch64\"",
                "-Cdebuginfo=2",
                "-Clink-arg=--btf",
                "-Clinker=/a folder/bpf-linker",
            ]
        );
    }
}
