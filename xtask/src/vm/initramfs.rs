//! What is in the guest: busybox, the sensor, the tests, and what these need.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{archive::Archive, kernel::Kernel, libraries, plan::Plan, tools::Tools};
use crate::{toolchain::Search, workspace::shown};

/// A small module that needs no other and that all of the kernels have, for the test that loads
/// one: it adds a network device that nothing comes out of.
const MODULE: &str = "dummy";
/// Programs that tests run under other names or look at closely: busybox would go by the name,
/// and would be one file for all of them.
const REAL_PROGRAMS: [&str; 7] = ["cat", "env", "id", "ls", "sh", "sleep", "true"];
const INIT: &str = include_str!("init.sh");
const FOLDERS: [&str; 10] = [
    "/dev", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/sys", "/tmp", "/var/tmp",
];
const SYSTEM_FILES: [(&str, u32, &str); 6] = [
    (
        "/etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("/etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\n"),
    (
        "/etc/shadow",
        0o640,
        "root:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n",
    ),
    (
        "/etc/hosts",
        0o644,
        "127.0.0.1 localhost guest\n::1 localhost\n",
    ),
    ("/etc/hostname", 0o644, "guest\n"),
    (
        "/etc/nsswitch.conf",
        0o644,
        "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    ),
];

/// Everything that goes into the guest.
pub(super) struct Contents<'a> {
    pub(super) tools: &'a Tools,
    /// What was built, each at its place in the guest.
    pub(super) programs: &'a [(String, PathBuf)],
    pub(super) plan: &'a Plan,
    /// All of them, so that one archive serves every machine.
    pub(super) kernels: Vec<&'a Kernel>,
    /// Files of the host that the guest has at the same paths.
    pub(super) files: &'a [PathBuf],
}

impl Contents<'_> {
    /// Gathers it. Stripped copies of the programs are put into a folder of the host.
    pub(super) fn archive(&self, copies: &Path) -> Result<Archive> {
        fs::create_dir_all(copies).with_context(|| format!("create {}", copies.display()))?;
        let mut archive = Archive::new();
        for folder in FOLDERS {
            archive.directory(folder);
        }
        for (path, mode, content) in SYSTEM_FILES {
            archive.file(path, mode, content);
        }
        archive.file("/init", 0o755, INIT);
        archive.file("/etc/plan", 0o644, self.plan.text());

        let mut linked = self.system_programs(&mut archive)?;
        linked.extend(self.built_programs(&mut archive, copies));
        for file in self.files {
            let path = fs::canonicalize(file)
                .with_context(|| format!("find the file {}", file.display()))?;
            archive.copy(&path, 0o755, &path);
            linked.push(path);
        }
        for library in libraries::of(&linked)? {
            archive.copy(&library, 0o755, &library);
        }
        for kernel in &self.kernels {
            archive.file(
                &format!("/modules/{}/{MODULE}.ko", kernel.release),
                0o644,
                kernel.module(MODULE)?,
            );
        }
        Ok(archive)
    }

    fn system_programs(&self, archive: &mut Archive) -> Result<Vec<PathBuf>> {
        let search = Search::from_environment();
        let mut linked = Vec::new();
        for name in REAL_PROGRAMS {
            let Some(found) = search.program(name) else {
                continue;
            };
            let path = fs::canonicalize(&found)
                .with_context(|| format!("find the program {}", found.display()))?;
            let place = Path::new("/usr/bin").join(path.file_name().unwrap_or_default());
            archive.copy(&place, 0o755, &path);
            archive.link(&format!("/usr/bin/{name}"), &place.to_string_lossy());
            linked.push(path);
        }
        archive.copy(Path::new("/usr/bin/runc"), 0o755, &self.tools.runc);
        linked.push(self.tools.runc.clone());
        let busybox = &self.tools.busybox;
        archive.copy(Path::new("/usr/bin/busybox"), 0o755, busybox);
        linked.push(busybox.clone());
        for applet in applets(busybox)?.lines() {
            archive.link(&format!("/usr/bin/{applet}"), "busybox");
        }
        Ok(linked)
    }

    fn built_programs(&self, archive: &mut Archive, copies: &Path) -> Vec<PathBuf> {
        let mut linked = Vec::new();
        for (place, path) in self.programs {
            let copy = copies.join(Path::new(place).file_name().unwrap_or_default());
            let source = if self.strip(path, &copy) {
                copy
            } else {
                path.clone()
            };
            archive.copy(Path::new(place), 0o755, &source);
            linked.push(path.clone());
        }
        linked
    }

    /// Whether a copy without debug information could be made. The guest's memory holds the
    /// archive and what it unpacks to, and the whole is read before the kernel starts.
    fn strip(&self, program: &Path, copy: &Path) -> bool {
        let Some(objcopy) = &self.tools.objcopy else {
            return false;
        };
        Command::new(objcopy)
            .arg("--strip-debug")
            .arg(program)
            .arg(copy)
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn applets(busybox: &Path) -> Result<String> {
    let mut command = Command::new(busybox);
    let output = command
        .arg("--list")
        .output()
        .with_context(|| format!("start {}", shown(&command)))?;
    if !output.status.success() {
        bail!("{}: {}", shown(&command), output.status);
    }
    String::from_utf8(output.stdout).context("the names of busybox's applets")
}
