use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{Target, log};
use crate::workspace::{self, execute};

/// Names the folder that a target puts its seeds into.
const SEEDS_VARIABLE: &str = "SENSOR_FUZZ_SEEDS";
/// No machine gets there in the time that is given by default, except with a target that does nothing.
const RUNS: u32 = 50_000_000;
/// A target needs a tenth of it.
const MEMORY_MIB: u32 = 512;
/// An input takes microseconds: one that takes this long is a finding.
const INPUT_SECONDS: u32 = 5;

/// Runs a target on inputs that libFuzzer makes up; false if one of them failed, which was told then.
pub(super) fn bounded(target: Target, binaries: &Path, seconds: u32) -> Result<bool> {
    let name = target.name();
    let corpus = made(workspace::root()?.join("fuzz/corpus").join(name))?;
    let artifacts = made(workspace::root()?.join("fuzz/artifacts").join(name))?;
    let log_path = binaries.join(format!("{name}.log"));
    let output =
        File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;

    println!("==> {name}: {seconds} s");
    let mut command = Command::new(binaries.join(name));
    command
        .env(SEEDS_VARIABLE, &corpus)
        .args([
            format!("-max_total_time={seconds}"),
            format!("-runs={RUNS}"),
            format!("-rss_limit_mb={MEMORY_MIB}"),
            format!("-timeout={INPUT_SECONDS}"),
            format!("-max_len={}", target.longest()),
            // Its folder, and how the names of files in it begin.
            format!("-artifact_prefix={}/", artifacts.display()),
            "-print_final_stats=1".to_owned(),
        ])
        .arg(corpus)
        // What failed once is tried first, and again and again until it passes.
        .arg(artifacts)
        .stderr(output.try_clone().context("share the log")?)
        .stdout(output);
    let status = command
        .status()
        .with_context(|| format!("start the fuzz target {name}"))?;
    let text = fs::read(&log_path).with_context(|| format!("read {}", log_path.display()))?;
    let text = String::from_utf8_lossy(&text);

    if !status.success() {
        println!("<== {name}: FAILED, {status}");
        print!("{}", log::failure(&text));
        match log::input(&text) {
            Some(path) => show(name, Path::new(path))?,
            None => println!("  the log says nothing of an input"),
        }
        println!("  log:   {}", log_path.display());
        return Ok(false);
    }
    let totals = log::Totals::found_in(&text).with_context(|| {
        format!(
            "{name} ended without its totals: see {}",
            log_path.display()
        )
    })?;
    println!("<== {name}: {totals}");
    ensure!(
        totals.runs > 0 && totals.edges > 0,
        "{name} was not run, or not instrumented: remove {} and try again",
        binaries.display()
    );
    Ok(true)
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}

/// Prints an input that failed, and how to run it again: where the file is lost, as on a build
/// server, its bytes are not.
fn show(name: &str, path: &Path) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    println!("  input: {} ({} bytes)", path.display(), bytes.len());
    println!(
        "  again: cargo xtask fuzz {name} --input {}",
        path.display()
    );
    println!("  bytes, for `xxd -r -p`:\n{}", log::hexadecimal(&bytes));
    Ok(())
}

/// Runs a target on one input.
pub(super) fn once(target: Target, binaries: &Path, input: &Path) -> Result<()> {
    execute(
        Command::new(binaries.join(target.name()))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            // Else it would keep the input once more, in the folder that one happens to be in.
            .arg("-exact_artifact_path=/dev/null")
            .arg(input),
    )
}
