//! Finds the tools that build the kernel programs.
//!
//! The eBPF targets have no precompiled `core`, so the compiler must come with the sources of the
//! standard library, and the object is linked by `bpf-linker`. This file is also compiled into
//! `sensor-user/build.rs`, hence only the standard library and no other module of this crate.

use std::{
    env, fmt, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Names the `rustc` to use instead of searching for one.
pub(crate) const COMPILER_VARIABLE: &str = "SENSOR_EBPF_RUSTC";
/// Names the `bpf-linker` to use instead of searching for one.
pub(crate) const LINKER_VARIABLE: &str = "SENSOR_BPF_LINKER";
/// The oldest compiler that builds the workspace, as `rust-version` in its manifest says.
const OLDEST_COMPILER: (u32, u32) = (1, 95);
/// Where, below a sysroot, the sources of `core` lie.
const CORE_MANIFEST: &str = "lib/rustlib/src/rust/library/core/Cargo.toml";

/// A compiler that has the sources of `core`.
#[derive(Debug)]
pub(crate) struct Compiler {
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    /// How it was found, for messages.
    pub(crate) origin: String,
    pub(crate) release: String,
    /// Objects it emits can be read by this LLVM or a newer one.
    pub(crate) llvm: u32,
    /// The cargo that belongs to it, where there is one; any other of about its age works too.
    pub(crate) cargo: Option<PathBuf>,
}

/// Everything that the build of the kernel programs needs.
#[derive(Debug)]
pub(crate) struct Toolchain {
    pub(crate) compiler: Compiler,
    pub(crate) linker: PathBuf,
}

/// What was looked at and why it will not do.
#[derive(Debug)]
pub(crate) struct NotFound {
    wanted: &'static str,
    rejected: Vec<String>,
    remedies: &'static str,
}

impl fmt::Display for NotFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} was not found. Looked at:", self.wanted)?;
        for rejected in &self.rejected {
            writeln!(formatter, "  - {rejected}")?;
        }
        formatter.write_str(self.remedies)
    }
}

impl std::error::Error for NotFound {}

const COMPILER_REMEDIES: &str = "Any one of these is enough:
  - cargo xtask setup   (on Debian: installs rustc-web and rust-web-src)
  - rustup toolchain install nightly --profile minimal --component rust-src
  - SENSOR_EBPF_RUSTC=<a rustc, 1.95 or newer, whose sysroot holds the sources of core>";

const LINKER_REMEDIES: &str = "Any one of these is enough:
  - cargo xtask setup   (builds it where the LLVM development packages are to be had)
  - cargo install cargo-binstall && cargo binstall bpf-linker
  - SENSOR_BPF_LINKER=<a bpf-linker>";

/// The places that are searched, apart from the environment so that tests can make up their own.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) compiler_override: Option<PathBuf>,
    pub(crate) linker_override: Option<PathBuf>,
    /// Folders that hold programs: `PATH`, then cargo's own.
    pub(crate) program_folders: Vec<PathBuf>,
    /// The distribution's compiler, asked for by its full path: a rustup shim comes first in `PATH`.
    pub(crate) system_rustc: PathBuf,
}

impl Search {
    /// The places that this process's environment names.
    pub(crate) fn from_environment() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut program_folders: Vec<_> = env::split_paths(&path).collect();
        program_folders.extend(cargo_program_folder());
        Self {
            compiler_override: non_empty_variable(COMPILER_VARIABLE),
            linker_override: non_empty_variable(LINKER_VARIABLE),
            program_folders,
            system_rustc: PathBuf::from("/usr/bin/rustc"),
        }
    }

    /// Finds compiler and linker.
    pub(crate) fn toolchain(&self) -> Result<Toolchain, NotFound> {
        Ok(Toolchain {
            compiler: self.compiler()?,
            linker: self.linker()?,
        })
    }

    /// Finds a compiler that has the sources of `core`.
    pub(crate) fn compiler(&self) -> Result<Compiler, NotFound> {
        let mut rejected = Vec::new();
        if let Some(rustc) = &self.compiler_override {
            // A wrong override is an error and not a reason to build with something else.
            match inspect_compiler(rustc, COMPILER_VARIABLE) {
                Ok(compiler) => return Ok(compiler),
                Err(reason) => rejected.push(reason),
            }
        } else {
            for candidate in self.compiler_candidates(&mut rejected) {
                match candidate.inspect() {
                    Ok(compiler) => return Ok(compiler),
                    Err(reason) => rejected.push(reason),
                }
            }
        }
        Err(NotFound {
            wanted: "a Rust compiler with the sources of `core`, for the kernel programs,",
            rejected,
            remedies: COMPILER_REMEDIES,
        })
    }

    fn compiler_candidates(&self, rejected: &mut Vec<String>) -> Vec<Candidate> {
        let of_rustup = match self.program("rustup") {
            Some(rustup) => rustup_candidates(&rustup),
            None => Err("rustup: not installed".to_owned()),
        };
        let mut candidates = of_rustup.unwrap_or_else(|reason| {
            rejected.push(reason);
            Vec::new()
        });
        candidates.push(Candidate {
            origin: "the system's compiler".to_owned(),
            rustc: self.system_rustc.clone(),
            rustup: false,
        });
        candidates
    }

    /// Finds a `bpf-linker` that starts.
    pub(crate) fn linker(&self) -> Result<PathBuf, NotFound> {
        let mut rejected = Vec::new();
        let candidates = match &self.linker_override {
            Some(linker) => vec![linker.clone()],
            None => self.programs("bpf-linker").collect(),
        };
        for linker in candidates {
            // It is dynamically linked to LLVM: the file alone does not mean that it runs.
            match output_of(&linker, &["--version"]) {
                Ok(_) => return Ok(linker),
                Err(reason) if self.linker_override.is_some() => {
                    rejected.push(format!("{LINKER_VARIABLE}: {reason}"));
                }
                Err(reason) => rejected.push(reason),
            }
        }
        if rejected.is_empty() {
            rejected.push("PATH and cargo's bin folder: no file bpf-linker".to_owned());
        }
        Err(NotFound {
            wanted: "bpf-linker, for the kernel programs,",
            rejected,
            remedies: LINKER_REMEDIES,
        })
    }

    /// The first program of this name in the folders of programs.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.programs(name).next()
    }

    fn programs(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        self.program_folders
            .iter()
            .map(move |folder| folder.join(name))
            .filter(|path| is_executable(path))
    }
}

/// A compiler that may or may not do.
struct Candidate {
    origin: String,
    rustc: PathBuf,
    rustup: bool,
}

impl Candidate {
    fn inspect(&self) -> Result<Compiler, String> {
        let mut compiler = inspect_compiler(&self.rustc, &self.origin)?;
        if self.rustup {
            // Only rustup's folders hold a cargo that is sure to fit the compiler beside it.
            compiler.cargo = Some(self.rustc.with_file_name("cargo")).filter(|p| is_executable(p));
        }
        Ok(compiler)
    }
}

/// rustup's toolchains, nightly ones first: that is where people have `rust-src`.
fn rustup_candidates(rustup: &Path) -> Result<Vec<Candidate>, String> {
    let list = output_of(rustup, &["toolchain", "list"])?;
    let mut names: Vec<_> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        // What rustup prints when there is none.
        .filter(|name| *name != "no")
        .collect();
    names.sort_by_key(|name| !name.starts_with("nightly"));
    Ok(names
        .into_iter()
        .filter_map(|name| {
            let rustc = output_of(rustup, &["which", "--toolchain", name, "rustc"]).ok()?;
            Some(Candidate {
                origin: format!("rustup toolchain {name}"),
                rustc: PathBuf::from(rustc.trim()),
                rustup: true,
            })
        })
        .collect())
}

fn inspect_compiler(rustc: &Path, origin: &str) -> Result<Compiler, String> {
    let reject = |reason: String| format!("{origin}: {reason}");
    let about = output_of(rustc, &["-vV"]).map_err(reject)?;
    let field = |name: &str| {
        about
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .ok_or_else(|| reject(format!("`{} -vV` has no line `{name}:`", rustc.display())))
    };
    let release = field("release")?;
    let (major, minor) = OLDEST_COMPILER;
    if version(release) < Some(OLDEST_COMPILER) {
        return Err(reject(format!(
            "{} is {release}, older than {major}.{minor}",
            rustc.display()
        )));
    }
    let llvm = field("LLVM version")?;
    let llvm = leading_number(llvm)
        .ok_or_else(|| reject(format!("`{}` is not an LLVM version", llvm.trim())))?;
    let sysroot = output_of(rustc, &["--print", "sysroot"]).map_err(reject)?;
    let sysroot = PathBuf::from(sysroot.trim());
    let manifest = sysroot.join(CORE_MANIFEST);
    if !manifest.is_file() {
        return Err(reject(format!(
            "no sources, {} is missing",
            manifest.display()
        )));
    }
    Ok(Compiler {
        rustc: rustc.to_owned(),
        sysroot,
        origin: origin.to_owned(),
        release: release.to_owned(),
        llvm,
        cargo: None,
    })
}

fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    Some((major.parse().ok()?, leading_number(rest)?))
}

fn leading_number(text: &str) -> Option<u32> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..digits].parse().ok()
}

/// Standard output of a program that must succeed, or one line that says why it did not.
fn output_of(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let command = || format!("`{} {}`", program.display(), arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", command()))?;
    if output.status.success() {
        return String::from_utf8(output.stdout)
            .map_err(|_| format!("{}: its output is not UTF-8", command()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let first_line = stderr.lines().next().unwrap_or("it printed nothing");
    Err(format!("{}: {}: {first_line}", command(), output.status))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn non_empty_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Where `cargo install` puts programs; not in everybody's `PATH`.
fn cargo_program_folder() -> Option<PathBuf> {
    let home = non_empty_variable("CARGO_HOME")
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    Some(home.join("bin"))
}

#[cfg(test)]
#[path = "toolchain_tests.rs"]
mod tests;
