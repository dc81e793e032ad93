//! A container made of plain namespaces, in a cgroup with the name that a
//! runtime would give it.

use std::{
    fs,
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    io::Errno,
    mount::{MountFlags, UnmountFlags, mount, mount_move, unmount},
    process::{chdir, chroot, pivot_root},
    thread::{UnshareFlags, unshare_unsafe},
};
use serde_json::{Value, json};

use crate::{
    call::{fork, wait},
    facts::Facts,
    mounting, tiny,
};

pub(crate) fn act(act: &str, arguments: &[&str]) {
    match act {
        // container run CGROUP ROOT
        "run" => run(arguments[0], Path::new(arguments[1])),
        // container wait CGROUP FILE
        "wait" => {
            enter_cgroup(arguments[0]);
            let mut facts = Facts::new();
            facts.set("ready", true);
            facts.print();
            // Until somebody has something to say.
            std::io::stdin().read_exact(&mut [0]).unwrap();
            let mut facts = Facts::new();
            facts.set("cgroup_id", fs::metadata(arguments[0]).unwrap().ino());
            fs::File::create(arguments[1]).unwrap();
            facts.set_file(arguments[1]);
            facts.print();
        }
        // container runc FOLDER ID
        "runc" => runc(Path::new(arguments[0]), arguments[1]),
        // container inside
        "inside" => {
            inside(Facts::of("inside"));
        }
        other => panic!("{other}: not an act of a container"),
    }
}

pub(crate) fn enter_cgroup(path: &str) {
    fs::write(Path::new(path).join("cgroup.procs"), "0").unwrap();
}

/// Runs a first process in namespaces of its own, over a file system of its
/// own at `root`; it makes a file and becomes a program.
fn run(cgroup: &str, root: &Path) {
    let mut facts = Facts::new();
    facts.set("cgroup_id", fs::metadata(cgroup).unwrap().ino());
    enter_cgroup(cgroup);
    // SAFETY: this process has one thread, and shares no file table.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC) }
        .unwrap();
    let child = fork(|| {
        mounting::leave();
        fill(root);
        let facts = Facts::of("inside");
        change_root(root);
        inside(facts)
    });
    assert_eq!(wait(child).exit_status(), Some(0));
    facts.set("child", child.as_raw_nonzero().get());
    facts.print();
}

/// What the first process of a container does, whoever made it: makes a file
/// and becomes a program. Returns when it cannot.
fn inside(mut facts: Facts) -> i32 {
    fs::File::create("/data/inside").unwrap();
    fs::File::open("/etc/shadow").unwrap();
    facts.set_file("/data/inside");
    let mut program = Facts::of_nobody();
    program.set_file("/bin/program");
    facts.set("program", program.value());
    facts.print();
    let program = c"/bin/program".to_owned();
    let arguments = [program.as_ptr(), c"inside".as_ptr(), std::ptr::null()];
    // SAFETY: strings end with a zero and lists with a null pointer.
    unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
    1
}

/// Has runc, the runtime below Docker and others, run a container from a
/// bundle made in this folder. What it says is printed where it fails.
fn runc(folder: &Path, id: &str) {
    let root = folder.join("rootfs");
    for directory in ["bin", "data", "etc", "proc", "dev", "lib", "lib64", "usr"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("etc/shadow"), "secrets").unwrap();
    tiny::write(root.join("bin/program"), 0);
    fs::copy("/proc/self/exe", root.join("bin/actor")).unwrap();
    fs::write(folder.join("config.json"), bundle(id).to_string()).unwrap();
    let mut facts = Facts::new();
    let output = Command::new("runc")
        .arg("--root")
        .arg(folder.join("state"))
        .args(["run", "--bundle"])
        .arg(folder)
        .arg(&id[..12])
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) => {
            print!("{}", String::from_utf8_lossy(&output.stdout));
            facts.set("said", String::from_utf8_lossy(&output.stderr));
            facts.set("success", output.status.success());
        }
        Err(error) => {
            facts.set("said", format!("runc: {error}"));
            facts.set("success", false);
        }
    }
    facts.print();
}

/// The OCI runtime's configuration (runtime-spec 1.0.2). The libraries are the
/// machine's, and so is `/proc`: process numbers in it are the outermost.
fn bundle(id: &str) -> Value {
    let same = |path: &str| {
        json!({
            "destination": path, "source": path, "type": "bind", "options": ["rbind", "ro"],
        })
    };
    let namespaces = ["pid", "mount", "ipc", "uts"].map(|name| json!({ "type": name }));
    let mounts: Vec<Value> = ["/lib", "/lib64", "/usr", "/proc"]
        .into_iter()
        .filter(|path| Path::new(path).exists())
        .map(same)
        .collect();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "args": ["/bin/actor", "container", "inside"],
            "env": ["PATH=/bin"],
            "cwd": "/",
        },
        "root": { "path": "rootfs" },
        "mounts": mounts,
        "linux": { "namespaces": namespaces, "cgroupsPath": format!("/docker/{id}") },
    })
}

/// Puts a file system there, with a program and a folder in it.
fn fill(root: &Path) {
    let options: Option<&std::ffi::CStr> = None;
    mount("container", root, "tmpfs", MountFlags::empty(), options).unwrap();
    for directory in ["bin", "data", "etc", "old"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    fs::write(root.join("etc/shadow"), "secrets").unwrap();
    tiny::write(root.join("bin/program"), 0);
}

/// Makes it the root, as runtimes do: where the present root cannot be moved
/// away (an initramfs), by moving the new one over it.
fn change_root(root: &Path) {
    chdir(root).unwrap();
    match pivot_root(".", "old") {
        Ok(()) => {
            chdir("/").unwrap();
            unmount("/old", UnmountFlags::DETACH).unwrap();
            return;
        }
        Err(Errno::INVAL) => {}
        Err(error) => panic!("{error}"),
    }
    mount_move(".", "/").unwrap();
    chroot(".").unwrap();
    chdir("/").unwrap();
}
