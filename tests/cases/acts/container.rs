//! Containers: told by the cgroup's path, whoever made them.

use serde_json::{Value, json};

use crate::{
    case::{Case, Played, Trouble},
    file::{act, known},
    run::Run,
    stage::Stage,
    wanted::{Wanted, is, path},
    who::Who,
};

/// A runtime's way to name cgroups.
struct Naming {
    name: &'static str,
    cgroup: String,
    container: Value,
}

/// A container's id: 64 hexadecimal digits.
fn id(byte: &str) -> String {
    byte.repeat(32)
}

fn namings() -> Vec<Naming> {
    let pod = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\
               0d3f7c5e_1a2b_4c3d_8e4f_5a6b7c8d9e0f.slice";
    let pod_uid = "0d3f7c5e-1a2b-4c3d-8e4f-5a6b7c8d9e0f";
    let plain = |name: &'static str, cgroup: String, id: String| Naming {
        name,
        container: json!({ "id": id, "runtime": name }),
        cgroup,
    };
    let in_pod = |name: &'static str, prefix: &str, byte: &str| Naming {
        name,
        cgroup: format!("{pod}/{prefix}-{}.scope", id(byte)),
        container: json!({ "id": id(byte), "runtime": name, "pod_uid": pod_uid }),
    };
    vec![
        plain(
            "docker",
            format!("system.slice/docker-{}.scope", id("a1")),
            id("a1"),
        ),
        plain(
            "podman",
            format!("machine.slice/libpod-{}.scope", id("b2")),
            id("b2"),
        ),
        in_pod("cri-o", "crio", "c3"),
        in_pod("containerd", "cri-containerd", "d4"),
        plain(
            "systemd-nspawn",
            "machine.slice/systemd-nspawn@web.service".to_owned(),
            "web".to_owned(),
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = namings()
        .into_iter()
        .map(|naming| {
            Case::container(naming.name, "process.exec", move |stage| {
                container(stage, &naming)
            })
        })
        .collect();
    cases.push(Case::container("made by runc", "process.exec", runc));
    cases.push(Case::container(
        "there before the sensor",
        "file.open",
        resident,
    ));
    cases.push(Case::container("none outside of one", "file.open", outside));
    cases
}

fn container(stage: &Stage, naming: &Naming) -> Played {
    let cgroup = stage.cgroups.make(&naming.cgroup);
    let root = stage.directory();
    let run = act(stage, &["container", "run"], &[&cgroup, &root]);
    stage.cgroups.remove(&cgroup);
    let run = run?;
    let place = [
        ("process.container", is(naming.container.clone())),
        ("process.cgroup_id", is(run.number("cgroup_id"))),
    ];
    let start = [
        ("process.cwd", is("/")),
        ("process.parent.pid", is(run.number("pid"))),
        ("exec.tmpfs", is(true)),
    ];
    acts_inside(&run, &place, &start)?;
    // Its birth and its end are in the container, too.
    let container = ("process.container", is(naming.container.clone()));
    let number = Who::number(run.number("child"));
    run.expect_by(&number, "process.fork", std::slice::from_ref(&container))?;
    run.expect_by(&number, "process.exit", &[container])?;
    Ok(())
}

/// A real runtime's, where there is one and it works.
fn runc(stage: &Stage) -> Played {
    let folder = stage.directory();
    let id = id("f0");
    let run = stage.act(&["container", "runc", folder.to_str().unwrap(), &id])?;
    let facts = run.facts();
    if facts["success"] != true {
        let said = facts["said"].as_str().unwrap_or_default();
        return Err(Trouble::Impossible(said.trim().to_owned()));
    }
    let container = json!({ "id": id, "runtime": "docker" });
    acts_inside(&run, &[("process.container", is(container))], &[])
}

/// The first process of the container made a file and became a program, both in
/// the container's own file system. `place` is what either record tells, `start`
/// what that of the program does.
fn acts_inside(run: &Run, place: &[(&str, Wanted)], start: &[(&str, Wanted)]) -> Played {
    let inside = run.facts_of("inside");
    let who = Who::of(inside);
    let namespace = (
        "process.mount_namespace",
        is(inside["mount_namespace"].clone()),
    );
    let mut wanted = vec![
        ("file.path", path("/data/inside")),
        ("file.path_source", is("kernel")),
        ("file.created", is(true)),
        ("file.inode", is(inside["inode"].clone())),
        ("file.device", is(inside["device"].clone())),
        namespace.clone(),
    ];
    wanted.extend_from_slice(place);
    run.expect_by(&who, "file.open", &wanted)?;
    let mut wanted = vec![
        ("file.path", path("/etc/shadow")),
        ("file.path_source", is("kernel")),
        ("file.watched", is("name")),
        namespace.clone(),
    ];
    wanted.extend_from_slice(place);
    run.expect_by(&who, "file.open", &wanted)?;
    let program = &inside["program"];
    let mut wanted = vec![
        ("process.exe", is("/bin/program")),
        ("process.args", is(json!(["/bin/program", "inside"]))),
        ("exec.inode", is(program["inode"].clone())),
        ("exec.device", is(program["device"].clone())),
        namespace,
    ];
    wanted.extend_from_slice(place);
    wanted.extend_from_slice(start);
    run.expect_by(&who, "process.exec", &wanted)?;
    Ok(())
}

/// Its cgroup was made before the sensor ran.
fn resident(stage: &Stage) -> Played {
    let (_, run) = stage.resident()?;
    let container = json!({ "id": id("5e"), "runtime": "docker" });
    let wanted = [
        ("process.container", is(container.clone())),
        ("process.cgroup_id", is(run.number("cgroup_id"))),
        ("file.inode", is(run.number("inode"))),
        ("file.created", is(true)),
    ];
    run.expect("file.open", &wanted)?;
    // It was known from the start.
    let snapshot = Who::number(run.number("pid"));
    let snapshot = Who {
        main_thread: false,
        ..snapshot
    };
    run.expect_by(
        &snapshot,
        "process.snapshot",
        &[("process.container", is(container))],
    )?;
    Ok(())
}

fn outside(stage: &Stage) -> Played {
    let file = stage.directory().join("new");
    let run = act(stage, &["file", "create"], &[&file])?;
    let mut wanted = known(&run, &file);
    wanted.push(("process.container", Wanted::Absent));
    run.expect_times(1, "file.open", &wanted)
}
