//! What the sensor says on a kernel that cannot bear it, or that is not the one
//! its type information describes: what is missing, and what would be right;
//! never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod mounts;
mod old_kernel;
mod self_test;
mod type_information;

use std::{
    ffi::CString,
    fs, io,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::Path,
    process::Command,
};

use rustix::{
    io::Errno,
    mount::{MountFlags, mount, mount_bind},
    thread::{CapabilitySet, remove_capability_from_bounding_set},
};
use sensor_tests::{
    refusal::{fails, refused, run, says},
    sensor_command,
};
use serde_json::Value;

fn doctor(options: &[&str]) -> Command {
    let mut command = sensor_command();
    command.arg("doctor").args(options);
    command
}

/// Hides the kernel's types from the sensor.
fn without_btf(command: &mut Command) {
    mounts::changed_for(command, || {
        let options = None::<&std::ffi::CStr>;
        mount(
            "none",
            "/sys/kernel/btf",
            "tmpfs",
            MountFlags::empty(),
            options,
        )
    });
}

#[test]
fn a_kernel_without_type_information() {
    let mut command = run(&[]);
    without_btf(&mut command);
    let stderr = fails(&mut command, 1);
    says(
        &stderr,
        &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"],
    );
}

#[test]
fn type_information_that_is_garbage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vmlinux");
    fs::write(&path, [0x5a; 4_096]).unwrap();
    let stderr = fails(&mut run(&["--btf", path.to_str().unwrap()]), 1);
    says(
        &stderr,
        &[path.to_str().unwrap(), "not valid type information"],
    );
}

#[test]
fn ebpf_refused_by_the_kernel() {
    let mut command = run(&[]);
    let forbid = || -> io::Result<()> {
        for capability in [
            CapabilitySet::SYS_ADMIN,
            CapabilitySet::BPF,
            CapabilitySet::PERFMON,
        ] {
            remove_capability_from_bounding_set(capability)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(forbid) };
    let stderr = fails(&mut command, 1);
    says(&stderr, &["Operation not permitted", "CAP_BPF"]);
}

/// What a kernel lists that has the BPF LSM built in and was not told to use it.
const MODULES: &str = "lockdown,capability,yama";

/// Shows the sensor the security modules that `list` names.
fn with_modules(command: &mut Command, list: &Path) {
    let list = CString::new(list.as_os_str().as_bytes()).unwrap();
    mounts::changed_for(command, move || {
        let place = "/sys/kernel/security";
        let options = None::<&std::ffi::CStr>;
        match mount("none", place, "securityfs", MountFlags::empty(), options) {
            // It is mounted there already.
            Ok(()) | Err(Errno::BUSY) => {}
            Err(error) => return Err(error),
        }
        mount_bind(list.as_c_str(), "/sys/kernel/security/lsm")
    });
}

#[test]
fn a_kernel_without_the_bpf_lsm() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("lsm");
    fs::write(&list, MODULES).unwrap();
    let words = [
        "bpf is not among the active security modules",
        MODULES,
        "lsm=",
    ];
    for mut command in [doctor(&["--tier", "lsm"]), run(&["--tier", "lsm"])] {
        with_modules(&mut command, &list);
        let stderr = fails(&mut command, 1);
        says(&stderr, &["does not allow the lsm tier"]);
        says(&stderr, &words);
    }

    // Without being told which, the sensor takes another, and says why.
    let mut command = doctor(&["--json", "--tier", "auto"]);
    with_modules(&mut command, &list);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_ne!(report["tier"], "lsm");
    let refusals = report["refused_tiers"].as_array().unwrap();
    let of_lsm = refusals
        .iter()
        .find(|refusal| refusal["tier"] == "lsm")
        .unwrap_or_else(|| panic!("the lsm tier is not in {refusals:?}"));
    says(of_lsm["reason"].as_str().unwrap(), &words);
}

#[test]
fn a_kernel_without_ring_buffers() {
    let release = rustix::system::uname();
    let release = release.release().to_str().unwrap();
    for mut command in [doctor(&[]), run(&[])] {
        let stderr = refused(old_kernel::output_without_ring_buffers(&mut command), 1);
        says(
            &stderr,
            &["no ring buffer maps", release, "Linux 5.10 or later"],
        );
    }
}
