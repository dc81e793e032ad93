//! `cargo xtask test`: every check that a change has to pass.

use std::{process::Command, time::Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    debian, fuzz,
    setup::{self, Consent},
    steps::Steps,
    toolchain::Search,
    vm,
    workspace::{self, execute},
};

const DENY_VERSION: &str = "0.20.2";

/// Run every check and test, the ones that load programs into the kernel included; needs root
///
/// All steps are run even if one fails; the table at the end names those that did. The last boots the
/// kernels that the sensor supports in QEMU; where that cannot be had it is left out, and says so.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this machine's own tests: leave out clippy, cargo-deny, fuzzing and other kernels
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    consent: Consent,
    /// Run only the tests that have this in their name, on this kernel; no fuzzing
    filter: Option<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(
        workspace::is_root()?,
        "the integration tests load programs into the kernel, which needs root: start this command \
         as root. For the unit tests alone, `cargo test --lib --bins` is enough"
    );
    setup::ensure_ready(arguments.consent)?;
    ensure_onnx(arguments.consent)?;

    let mut steps = Steps::default();
    steps.run(
        "format",
        workspace::cargo()?.args(["fmt", "--all", "--check"]),
    );
    if !arguments.fast {
        lint(&mut steps)?;
        deny(&mut steps)?;
    }
    test(&mut steps, arguments.filter.as_deref())?;
    let whole = !arguments.fast && arguments.filter.is_none();
    if whole {
        fuzz::step(&mut steps, arguments.consent)?;
        machines(&mut steps, arguments.consent);
    }
    let tests = steps.tests();
    steps.finish()?;
    ensure!(
        tests > 0,
        "no test was run: none has `{}` in its name",
        arguments.filter.as_deref().unwrap_or_default()
    );
    Ok(())
}

/// Installs what the worked example of editing a model needs. Where there is no apt-get, its test
/// says what is missing.
fn ensure_onnx(consent: Consent) -> Result<()> {
    let packages = ["python3-onnx".to_owned()];
    if !debian::is_here() || debian::missing(&packages)?.is_empty() {
        return Ok(());
    }
    println!(
        "To be installed:\n  - python3-onnx (Debian package): for the worked example of editing a model"
    );
    consent.obtain()?;
    setup::install_packages(&packages, "  apt-get install python3-onnx")
}

/// The acts' cases on every supported kernel.
fn machines(steps: &mut Steps, consent: Consent) {
    const NAME: &str = "kernels";
    println!("\n==> {NAME}: `cargo xtask vm`");
    let start = Instant::now();
    match vm::whole_matrix(consent) {
        Ok(vm::Outcome::Ran(totals)) => steps.ran(NAME, start.elapsed(), &totals),
        Ok(vm::Outcome::Skipped(reason)) => steps.leave_out(NAME, &reason),
        Err(error) => steps.failed(NAME, start.elapsed(), &format!("{error:#}")),
    }
}

fn lint(steps: &mut Steps) -> Result<()> {
    const REFUSE_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
    steps.run(
        "clippy",
        workspace::cargo()?
            .args(["clippy", "--all-targets"])
            .args(REFUSE_WARNINGS),
    );

    // The kernel programs are checked on the host's target, for which clippy has a `core`. It does
    // not unwind either, and nothing that is compiled for it will run, so need not be fast.
    //
    // What build scripts find out about the compiler depends on RUSTC_BOOTSTRAP: in the common
    // folder this step and the others would undo each other's work.
    steps.run(
        "clippy, kernel programs",
        workspace::cargo()?
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["clippy", "--package", "sensor-ebpf"])
            .args(["--config", "profile.dev.panic=\"abort\""])
            .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
            .arg("--target-dir")
            .arg(workspace::target_directory()?.join("ebpf-clippy"))
            .args(REFUSE_WARNINGS),
    );
    Ok(())
}

fn deny(steps: &mut Steps) -> Result<()> {
    const NAME: &str = "dependencies";
    if Search::from_environment().program("cargo-deny").is_none() {
        println!("\n==> cargo-deny {DENY_VERSION} is missing and will be built");
        if let Err(error) = execute(&mut workspace::cargo_install("cargo-deny", DENY_VERSION)?) {
            steps.skip(NAME, &format!("{error:#}"));
            return Ok(());
        }
    }
    steps.run(
        NAME,
        workspace::cargo()?.args(["deny", "check", "bans", "licenses", "sources"]),
    );
    Ok(())
}

/// Every call selects the same packages and kinds of targets: cargo would otherwise choose other
/// features for the dependencies and compile them again.
fn test(steps: &mut Steps, filter: Option<&str>) -> Result<()> {
    const NAMES: [&str; 3] = ["unit tests", "documentation tests", "integration tests"];
    let built = steps.run(
        "build",
        workspace::cargo()?.args(["build", "--all-targets"]),
    );
    if !built {
        for name in NAMES {
            steps.skip(name, "the build failed");
        }
        return Ok(());
    }
    let cargo_test = |arguments: &[&str]| -> Result<Command> {
        let mut command = workspace::cargo()?;
        command
            .args(["test", "--no-fail-fast"])
            .args(arguments)
            .args(filter);
        Ok(command)
    };
    let [unit, documentation, integration] = NAMES;
    steps.run_tests(unit, &mut cargo_test(&["--lib", "--bins"])?);
    steps.run_tests(documentation, &mut cargo_test(&["--doc"])?);
    steps.run_tests(
        integration,
        cargo_test(&["--test", "*"])?
            .env(
                "SENSOR_BIN",
                workspace::target_directory()?.join("debug/sensor"),
            )
            // Each loads the sensor and watches the whole machine.
            .env("RUST_TEST_THREADS", "1"),
    );
    if filter.is_none() {
        soak(steps)?;
    }
    Ok(())
}

/// A short soak: what grows with each act grows by enough in it.
fn soak(steps: &mut Steps) -> Result<()> {
    const MINUTES: &str = "0.3";
    // Not this program itself: the build may have put another in its place.
    let programs = workspace::target_directory()?.join("debug");
    steps.run(
        "soak",
        Command::new(programs.join("xtask"))
            .args(["bench", "soak", "--minutes", MINUTES, "--sensor"])
            .arg(programs.join("sensor")),
    );
    Ok(())
}
