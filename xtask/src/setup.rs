//! `cargo xtask setup`: installs what the build of the kernel programs needs.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::{
    debian,
    toolchain::{Compiler, Search},
    workspace::{self, execute},
};

const LINKER_VERSION: &str = "0.13.0";
/// The versions of LLVM that this bpf-linker has features for.
const BUILDABLE_LLVM: [u32; 3] = [21, 22, 23];
const COMPILER_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// What there is to do where Debian's packages do not help.
const COMPILER_BY_HAND: &str =
    "  rustup toolchain install nightly --profile minimal --component rust-src";
/// A plain `cargo install bpf-linker` needs the development files of the newest LLVM, which hardly
/// any distribution has; the published binary has its LLVM linked in.
const LINKER_BY_HAND: &str = "  cargo install cargo-binstall && cargo binstall bpf-linker";

/// Install what the build needs: a compiler with the sources of `core`, and bpf-linker
///
/// Nothing is installed that is there already, so it can be run at any time. A rustup toolchain
/// with the component rust-src is used if there is one, otherwise Debian's packages are.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    consent: Consent,
}

/// How installing is agreed to.
#[derive(Args, Clone, Copy)]
pub(crate) struct Consent {
    /// Install what is missing without asking; without a terminal nobody is asked either
    #[arg(long, short)]
    yes: bool,
}

impl Consent {
    /// Whether it was given beforehand, as on a build server, where nothing may be left out.
    pub(crate) fn is_given(self) -> bool {
        self.yes
    }

    /// Asks, where there is somebody to ask.
    pub(crate) fn obtain(self) -> Result<()> {
        if self.yes || !io::stdin().is_terminal() {
            return Ok(());
        }
        print!("Go on? [Y/n] ");
        io::stdout().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        let agreed = matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes");
        ensure!(agreed, "nothing was installed, as you asked");
        Ok(())
    }
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure_ready(arguments.consent)?;
    let toolchain = Search::from_environment().toolchain()?;
    let compiler = &toolchain.compiler;
    println!(
        "compiler: {} ({}), {} with LLVM {}",
        compiler.rustc.display(),
        compiler.origin,
        compiler.release,
        compiler.llvm
    );
    println!("linker:   {}", toolchain.linker.display());
    println!("Everything that the build needs is here.");
    Ok(())
}

/// Installs what is missing; silent and quick if nothing is.
pub(crate) fn ensure_ready(consent: Consent) -> Result<()> {
    let search = Search::from_environment();
    // What somebody chose is not to be repaired by installing something else.
    let compiler = match search.compiler() {
        Ok(compiler) => Some(compiler),
        Err(error) if search.compiler_override.is_some() => return Err(error.into()),
        Err(_) => None,
    };
    let linker_missing = match search.linker() {
        Ok(_) => false,
        Err(error) if search.linker_override.is_some() => return Err(error.into()),
        Err(_) => true,
    };
    if compiler.is_some() && !linker_missing {
        return Ok(());
    }

    println!("The kernel programs cannot be built yet. Missing:");
    if compiler.is_none() {
        println!(
            "  - {} (Debian packages): a compiler with the sources of `core`, which the eBPF \
             target is compiled from; no rustup toolchain has the component rust-src",
            COMPILER_PACKAGES.join(", ")
        );
    }
    if linker_missing {
        println!(
            "  - bpf-linker {LINKER_VERSION} (from source, some minutes), and the Debian packages \
             of the compiler's LLVM, which it is linked to"
        );
    }
    check_means(compiler.as_ref(), linker_missing)?;
    consent.obtain()?;

    let compiler = match compiler {
        Some(compiler) => compiler,
        None => install_compiler(&search)?,
    };
    if linker_missing {
        install_linker(&compiler)?;
    }
    search
        .toolchain()
        .context("installed, but not to be found")?;
    Ok(())
}

/// Fails, before anything is changed, where installing cannot succeed.
fn check_means(compiler: Option<&Compiler>, linker_missing: bool) -> Result<()> {
    let packages = match compiler {
        None => COMPILER_PACKAGES.map(str::to_owned).to_vec(),
        Some(compiler) if linker_missing => llvm_packages(compiler.llvm),
        Some(_) => Vec::new(),
    };
    if !debian::is_here() {
        bail!(
            "this system has no apt-get. Run:\n{}",
            by_hand(compiler, linker_missing)
        );
    }
    let missing = debian::missing(&packages)?;
    if !missing.is_empty() && !workspace::is_root()? {
        bail!(
            "installing packages needs root. Run as root:\n  {}\nand then `cargo xtask setup` again, \
             or do without Debian's packages:\n{}",
            debian::commands(&missing),
            by_hand(compiler, linker_missing)
        );
    }
    Ok(())
}

fn by_hand(compiler: Option<&Compiler>, linker_missing: bool) -> String {
    let mut commands = Vec::new();
    if compiler.is_none() {
        commands.push(COMPILER_BY_HAND);
    }
    if linker_missing {
        commands.push(LINKER_BY_HAND);
    }
    commands.join("\n")
}

fn install_compiler(search: &Search) -> Result<Compiler> {
    let packages = COMPILER_PACKAGES.map(str::to_owned);
    install_packages(&packages, COMPILER_BY_HAND)?;
    search
        .compiler()
        .with_context(|| format!("{} are installed, but will not do", packages.join(", ")))
}

fn install_linker(compiler: &Compiler) -> Result<()> {
    let llvm = compiler.llvm;
    if !BUILDABLE_LLVM.contains(&llvm) {
        bail!(
            "bpf-linker {LINKER_VERSION} can be built with LLVM {BUILDABLE_LLVM:?}, but {} has \
             LLVM {llvm}. Run:\n{LINKER_BY_HAND}",
            compiler.rustc.display()
        );
    }
    install_packages(&llvm_packages(llvm), LINKER_BY_HAND)?;

    println!("==> bpf-linker {LINKER_VERSION} with LLVM {llvm}");
    // Replaces one that is there but does not start.
    let mut command = workspace::cargo_install("bpf-linker", LINKER_VERSION)?;
    command
        .args(["--force", "--no-default-features", "--features"])
        .arg(format!("llvm-{llvm}"))
        // Left alone, its build looks for the libraries in a folder that does not hold them.
        .env("LLVM_PREFIX", format!("/usr/lib/llvm-{llvm}"));
    execute(&mut command).with_context(|| {
        format!("bpf-linker was not built. Instead, you can run:\n{LINKER_BY_HAND}")
    })
}

fn llvm_packages(llvm: u32) -> Vec<String> {
    vec![format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev")]
}

/// Installs those of the packages that are missing; `otherwise` says what to do where apt lacks one.
pub(crate) fn install_packages(packages: &[String], otherwise: &str) -> Result<()> {
    let missing = debian::missing(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    println!("==> Debian packages {}", missing.join(", "));
    debian::update()?;
    let unknown: Vec<_> = missing
        .iter()
        .filter(|package| !debian::is_available(package))
        .cloned()
        .collect();
    if !unknown.is_empty() {
        bail!(
            "apt knows no package {} in the suites that it is set up for. Run:\n{otherwise}",
            unknown.join(", ")
        );
    }
    debian::install(&missing)
}
