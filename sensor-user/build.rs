//! Builds the kernel programs and hands the agent the path of their object.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use miniz_oxide::deflate::compress_to_vec;

#[path = "../xtask/src/kernel_object.rs"]
#[allow(dead_code, reason = "the module serves xtask too")]
mod kernel_object;
#[path = "../xtask/src/toolchain.rs"]
#[allow(dead_code, reason = "the module serves xtask too")]
mod toolchain;

/// The densest that is worth its time.
const COMPRESSION: u8 = 8;

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Returned from `main`, the error would be printed in its `Debug` form.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let workspace = manifest
        .parent()
        .ok_or("CARGO_MANIFEST_DIR has no parent")?;
    for input in [
        "Cargo.lock",
        "Cargo.toml",
        "sensor-common/Cargo.toml",
        "sensor-common/src",
        "sensor-ebpf/Cargo.toml",
        "sensor-ebpf/src",
    ] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    for name in [toolchain::COMPILER_VARIABLE, toolchain::LINKER_VARIABLE] {
        println!("cargo::rerun-if-env-changed={name}");
    }

    let toolchain = toolchain::Search::from_environment().toolchain()?;
    let output = PathBuf::from(variable("OUT_DIR")?);
    let object = kernel_object::build(
        &toolchain,
        workspace,
        &shared_target_directory(&output),
        &variable("CARGO_CFG_TARGET_ARCH")?,
    )?;

    // A copy of its own: a build of another profile may rewrite the shared one at any time.
    let embedded = output.join("sensor-ebpf");
    kernel_object::copy_without_dwarf(&object, &embedded, &toolchain.compiler).map_err(
        |error| {
            format!(
                "copy {} to {}: {error}",
                object.display(),
                embedded.display()
            )
        },
    )?;
    let compressed = output.join("sensor-ebpf.deflate");
    fs::write(
        &compressed,
        compress_to_vec(&fs::read(&embedded)?, COMPRESSION),
    )?;
    println!(
        "cargo::rustc-env=SENSOR_EBPF_OBJECT={}",
        compressed.display()
    );
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}, which cargo sets for build scripts: {error}"))
}

/// `<target>/ebpf` for an output folder `<target>/<profile>/build/<package>/out`: every profile
/// shares it, so that `core` is compiled once.
fn shared_target_directory(output: &Path) -> PathBuf {
    output
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "build"))
        .and_then(|folder| folder.parent()?.parent())
        .unwrap_or(output)
        .join("ebpf")
}
