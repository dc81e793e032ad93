use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{CORE_MANIFEST, Search, leading_number, version};

/// A folder with made-up compilers in it, gone when the test ends.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("xtask-{}-{number}", process::id()));
        fs::create_dir_all(folder.join("bin")).expect("folder of the test");
        Self { folder }
    }

    fn search(&self) -> Search {
        Search {
            compiler_override: None,
            linker_override: None,
            program_folders: vec![self.folder.join("bin"), self.folder.join("cargo-bin")],
            system_rustc: self.folder.join("system/bin/rustc"),
        }
    }

    fn script(&self, path: &str, body: &str) -> PathBuf {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder of the script");
        // Written beside and renamed: a fork of another test may hold the file open for writing,
        // and the kernel does not execute such a file.
        let draft = path.with_extension("draft");
        fs::write(&draft, format!("#!/bin/sh\n{body}\n")).expect("script");
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).expect("mode");
        fs::rename(&draft, &path).expect("rename");
        path
    }

    /// A compiler whose sysroot is the folder `name`.
    fn compiler(&self, name: &str, release: &str, sources: bool) -> PathBuf {
        let sysroot = self.folder.join(name);
        if sources {
            let manifest = sysroot.join(CORE_MANIFEST);
            fs::create_dir_all(manifest.parent().expect("a folder")).expect("sources");
            fs::write(manifest, "[package]").expect("manifest of core");
        }
        let body = format!(
            "case $1 in\n-vV) printf 'rustc\\nrelease: {release}\\nLLVM version: 22.1.8\\n';;\n\
             *) echo {};;\nesac",
            sysroot.display()
        );
        self.script(&format!("{name}/bin/rustc"), &body)
    }

    /// A rustup that knows these toolchains, each in the folder of its name.
    fn rustup(&self, toolchains: &[&str]) {
        let list = toolchains.join(" (active)\\n");
        let folder = self.folder.display();
        let body = format!(
            "case $1 in\ntoolchain) printf '{list}\\n';;\nwhich) echo {folder}/$3/bin/rustc;;\nesac"
        );
        self.script("bin/rustup", &body);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A folder left in the temporary directory does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn chosen(search: &Search) -> PathBuf {
    search.compiler().expect("a compiler").rustc
}

#[test]
fn nightly_with_sources_comes_before_everything_else() {
    let machine = Machine::new();
    machine.compiler("stable", "1.96.0", true);
    machine.compiler("system", "1.96.0", true);
    let nightly = machine.compiler("nightly-x86_64", "1.97.0-nightly", true);
    machine.rustup(&["stable", "nightly-x86_64"]);
    assert_eq!(chosen(&machine.search()), nightly);
}

#[test]
fn a_toolchain_without_sources_is_passed_over() {
    let machine = Machine::new();
    machine.compiler("nightly-x86_64", "1.97.0-nightly", false);
    let stable = machine.compiler("stable", "1.96.0", true);
    machine.rustup(&["stable", "nightly-x86_64"]);
    assert_eq!(chosen(&machine.search()), stable);
}

#[test]
fn a_toolchain_too_old_for_the_workspace_is_passed_over() {
    let machine = Machine::new();
    machine.compiler("nightly-2024", "1.80.0-nightly", true);
    let system = machine.compiler("system", "1.96.0", true);
    machine.rustup(&["nightly-2024"]);
    assert_eq!(chosen(&machine.search()), system);
}

#[test]
fn the_system_compiler_serves_where_there_is_no_rustup() {
    let machine = Machine::new();
    let system = machine.compiler("system", "1.96.0", true);
    let compiler = machine.search().compiler().expect("a compiler");
    assert_eq!(compiler.rustc, system);
    assert_eq!(compiler.llvm, 22);
    assert_eq!(compiler.cargo, None);
}

#[test]
fn cargo_of_the_rustup_toolchain_is_used_with_its_compiler() {
    let machine = Machine::new();
    machine.compiler("nightly-x86_64", "1.97.0-nightly", true);
    let cargo = machine.script("nightly-x86_64/bin/cargo", "true");
    machine.rustup(&["nightly-x86_64"]);
    let compiler = machine.search().compiler().expect("a compiler");
    assert_eq!(compiler.cargo, Some(cargo));
}

#[test]
fn the_override_wins_over_a_good_nightly() {
    let machine = Machine::new();
    machine.compiler("nightly-x86_64", "1.97.0-nightly", true);
    machine.rustup(&["nightly-x86_64"]);
    let mine = machine.compiler("mine", "1.95.0", true);
    let mut search = machine.search();
    search.compiler_override = Some(mine.clone());
    assert_eq!(chosen(&search), mine);
}

#[test]
fn a_wrong_override_is_an_error_even_if_another_compiler_would_do() {
    let machine = Machine::new();
    machine.compiler("system", "1.96.0", true);
    let mine = machine.compiler("mine", "1.96.0", false);
    let mut search = machine.search();
    search.compiler_override = Some(mine);
    let message = search.compiler().expect_err("no sources").to_string();
    assert!(
        message.contains("SENSOR_EBPF_RUSTC: no sources"),
        "{message}"
    );
}

#[test]
fn the_error_gives_every_reason_and_every_remedy() {
    let machine = Machine::new();
    machine.compiler("nightly-x86_64", "1.97.0-nightly", false);
    machine.compiler("stable", "1.70.0", true);
    machine.rustup(&["nightly-x86_64", "stable"]);
    let message = machine
        .search()
        .compiler()
        .expect_err("none will do")
        .to_string();
    for part in [
        "rustup toolchain nightly-x86_64: no sources, ",
        "stable/bin/rustc is 1.70.0, older than 1.95",
        "the system's compiler: ",
        "cargo xtask setup",
        "--component rust-src",
        "SENSOR_EBPF_RUSTC=",
    ] {
        assert!(message.contains(part), "`{part}` is not in:\n{message}");
    }
}

#[test]
fn the_linker_may_lie_in_the_folder_of_cargo_only() {
    let machine = Machine::new();
    let linker = machine.script("cargo-bin/bpf-linker", "echo bpf-linker 0.13.0");
    assert_eq!(machine.search().linker().expect("a linker"), linker);
}

#[test]
fn a_linker_that_does_not_start_is_passed_over() {
    let machine = Machine::new();
    machine.script(
        "bin/bpf-linker",
        "echo libLLVM.so.22: not found >&2; exit 127",
    );
    let message = machine.search().linker().expect_err("broken").to_string();
    assert!(message.contains("libLLVM.so.22: not found"), "{message}");
    let linker = machine.script("cargo-bin/bpf-linker", "true");
    assert_eq!(machine.search().linker().expect("the other one"), linker);
}

#[test]
fn a_file_that_is_not_executable_is_no_program() {
    let machine = Machine::new();
    fs::write(machine.folder.join("bin/bpf-linker"), "text").expect("file");
    assert!(machine.search().linker().is_err());
    assert_eq!(
        machine.search().program("bpf-linker").as_deref(),
        None::<&Path>
    );
}

#[test]
fn versions_are_compared_as_numbers() {
    assert_eq!(version("1.97.0-nightly"), Some((1, 97)));
    assert!(version("1.100.0") > version("1.95.0"));
    assert_eq!(version("nonsense"), None);
    assert_eq!(leading_number("22.1.8"), Some(22));
    assert_eq!(leading_number("x"), None);
}
