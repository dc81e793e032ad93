//! Whether the offsets lead where they should: the kernel programs look at the
//! agent, and the agent compares with what `/proc` says of it.

use std::{
    fmt,
    fs::{self, File},
    net::UdpSocket,
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
};

use aya::{
    Btf, Ebpf,
    maps::{Array, Map},
    programs::BtfTracePoint,
};
use rustix::fs::{major, minor};
use sensor_common::{RecordKind, SelfTestAnswer, SelfTestRequest};

use super::{
    error::{KernelError, map_error, reason},
    object::take_map,
};
use crate::capture::{CgroupHierarchy, tick_nanoseconds};

/// Offsets that stand and fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Threads, parents, start times.
    Tasks,
    /// Users, capabilities, namespaces, cgroups.
    Standing,
    /// Files and paths.
    Files,
    /// Sockets.
    Sockets,
}

impl Group {
    /// What the records of a kind rest on, beside [`Group::Tasks`] and
    /// [`Group::Standing`], which every header does.
    fn of(kind: RecordKind) -> &'static [Self] {
        let name = kind.name();
        if kind == RecordKind::KernelIoUringWork {
            // It makes records of both.
            &[Self::Files, Self::Sockets]
        } else if name.starts_with("network.") {
            &[Self::Sockets]
        } else if name.starts_with("file.") || kind == RecordKind::ProcessExec {
            &[Self::Files]
        } else {
            &[]
        }
    }
}

/// Something that the kernel programs read wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    group: Group,
    what: &'static str,
    read: String,
    true_value: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            read,
            true_value,
            ..
        } = self;
        write!(
            formatter,
            "the self-test read {what} as {read} where it is {true_value}: the kernel's type \
             information does not fit the running kernel"
        )
    }
}

/// What the self-test found; empty when all is well.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings(Vec<Mismatch>);

impl Findings {
    /// Why a hook must not run, if so.
    pub(super) fn against(&self, kinds: &[RecordKind]) -> Option<String> {
        self.0
            .iter()
            .find(|mismatch| {
                matches!(mismatch.group, Group::Tasks | Group::Standing)
                    || kinds
                        .iter()
                        .any(|&kind| Group::of(kind).contains(&mismatch.group))
            })
            .map(ToString::to_string)
    }
}

/// [`SelfTestRequest`] and [`SelfTestAnswer`] under names of this crate, which
/// may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Request(SelfTestRequest);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Answer(SelfTestAnswer);

// SAFETY: plain integers without padding, and every bit pattern is valid.
unsafe impl aya::Pod for Request {}
// SAFETY: as above.
unsafe impl aya::Pod for Answer {}

/// Runs the self-test.
pub(super) fn run(ebpf: &mut Ebpf, btf: &Btf) -> Result<Findings, KernelError> {
    let failed = |reason: String| KernelError::SelfTest { reason };
    let file = File::open("/proc/self/exe").map_err(|error| failed(error.to_string()))?;
    let socket = UdpSocket::bind("127.0.0.1:0");
    let request = SelfTestRequest {
        file: descriptor(&file),
        socket: socket.as_ref().map_or(u32::MAX, descriptor),
    };
    let mut requests: Array<&mut aya::maps::MapData, Request> =
        Array::try_from(map(ebpf, "SELF_TEST_REQUEST")?)
            .map_err(|error| map_error("SELF_TEST_REQUEST", &error))?;
    requests
        .set(0, Request(request), 0)
        .map_err(|error| map_error("SELF_TEST_REQUEST", &error))?;

    let program = ebpf
        .program_mut("self_test")
        .ok_or_else(|| failed(String::from("the eBPF object has no program self_test")))?;
    let program: &mut BtfTracePoint =
        <&mut BtfTracePoint>::try_from(program).map_err(|error| failed(reason(&error)))?;
    program
        .load("sys_exit", btf)
        .and_then(|()| program.attach())
        .map_err(|error| failed(reason(&error)))?;
    let own = rustix::process::getpid();
    program.unload().map_err(|error| failed(reason(&error)))?;

    let answers: Array<_, Answer> = Array::try_from(take_map(ebpf, "SELF_TEST_ANSWER")?)
        .map_err(|error| map_error("SELF_TEST_ANSWER", &error))?;
    let Answer(answer) = answers
        .get(&0, 0)
        .map_err(|error| map_error("SELF_TEST_ANSWER", &error))?;
    if answer.done == 0 {
        return Err(failed(String::from("the kernel did not run it")));
    }
    let mut comparison = Comparison::default();
    comparison.tasks(&answer, own.as_raw_pid());
    comparison.standing(&answer);
    comparison.file(&answer, &file);
    if let Ok(socket) = &socket {
        comparison.socket(&answer, socket);
    }
    Ok(Findings(comparison.0))
}

fn map<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Map, KernelError> {
    ebpf.map_mut(name).ok_or_else(|| KernelError::Map {
        name,
        reason: String::from("it is not there"),
    })
}

/// Id of the agent's cgroup. A cgroup namespace of its own hides where it is.
fn own_cgroup() -> Option<u64> {
    /// `PROC_CGROUP_INIT_INO` (`include/linux/proc_ns.h`).
    const INITIAL: u64 = 0xefff_fffb;
    if fs::metadata("/proc/self/ns/cgroup").ok()?.ino() != INITIAL {
        return None;
    }
    let hierarchy = CgroupHierarchy::of_containers();
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = hierarchy.path_of(&text)?.trim_start_matches('/').to_owned();
    let directory = hierarchy.mount_point()?.join(path);
    Some(fs::metadata(directory).ok()?.ino())
}

fn descriptor(of: &impl AsRawFd) -> u32 {
    u32::try_from(of.as_raw_fd()).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Comparison(Vec<Mismatch>);

impl Comparison {
    fn equal<T: PartialEq + fmt::Debug>(
        &mut self,
        group: Group,
        what: &'static str,
        read: &T,
        true_value: Option<T>,
    ) {
        // What /proc does not tell cannot be compared.
        if let Some(true_value) = true_value
            && *read != true_value
        {
            self.0.push(Mismatch {
                group,
                what,
                read: format!("{read:?}"),
                true_value: format!("{true_value:?}"),
            });
        }
    }

    fn tasks(&mut self, answer: &SelfTestAnswer, own: i32) {
        let own = u32::try_from(own).ok();
        let stat = procfs::process::Process::myself()
            .and_then(|own| own.stat())
            .ok();
        self.equal(Group::Tasks, "its own process", &answer.tgid, own);
        self.equal(
            Group::Tasks,
            "its parent",
            &answer.parent_tgid,
            stat.as_ref().and_then(|stat| u32::try_from(stat.ppid).ok()),
        );
        self.equal(
            Group::Tasks,
            "its start in clock ticks",
            &(answer.start_time / tick_nanoseconds()),
            stat.as_ref().map(|stat| stat.starttime),
        );
    }

    fn standing(&mut self, answer: &SelfTestAnswer) {
        let status = procfs::process::Process::myself()
            .and_then(|own| own.status())
            .ok();
        self.equal(
            Group::Standing,
            "its effective user",
            &answer.euid,
            status.as_ref().map(|status| status.euid),
        );
        self.equal(
            Group::Standing,
            "its capabilities",
            &answer.capabilities,
            status.as_ref().map(|status| status.capeff),
        );
        for (what, name, read) in [
            ("its mount namespace", "mnt", answer.mount_namespace),
            ("its pid namespace", "pid", answer.pid_namespace),
            ("its network namespace", "net", answer.network_namespace),
            ("its user namespace", "user", answer.user_namespace),
        ] {
            let true_value = fs::metadata(format!("/proc/self/ns/{name}"))
                .ok()
                .and_then(|found| u32::try_from(found.ino()).ok());
            self.equal(Group::Standing, what, &read, true_value);
        }
        self.equal(
            Group::Standing,
            "its cgroup",
            &answer.cgroup_id,
            own_cgroup(),
        );
    }

    fn file(&mut self, answer: &SelfTestAnswer, file: &File) {
        let metadata = file.metadata().ok();
        self.equal(
            Group::Files,
            "a file's inode",
            &answer.inode,
            metadata.as_ref().map(MetadataExt::ino),
        );
        self.equal(
            Group::Files,
            "a file's device",
            &answer.device,
            metadata
                .as_ref()
                .map(|found| major(found.dev()) << 20 | minor(found.dev())),
        );
        self.equal(
            Group::Files,
            "a file's mode",
            &answer.mode,
            metadata.as_ref().map(MetadataExt::mode),
        );
        let path = fs::read_link("/proc/self/exe").ok();
        let length = (answer.path_length as usize).min(answer.path.len());
        // One that is too long to compare, or gone, is left out.
        if length > 0 {
            self.equal(
                Group::Files,
                "a file's path",
                &String::from_utf8_lossy(&answer.path[..length]).into_owned(),
                path.map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned())
                    .filter(|path| !path.ends_with(" (deleted)")),
            );
        }
    }

    fn socket(&mut self, answer: &SelfTestAnswer, socket: &UdpSocket) {
        const AF_INET: u16 = 2;
        self.equal(
            Group::Sockets,
            "a socket's family",
            &answer.family,
            Some(AF_INET),
        );
        self.equal(
            Group::Sockets,
            "a socket's port",
            &answer.local_port,
            socket.local_addr().ok().map(|address| address.port()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_stops_what_rests_on_it_and_names_both_values() {
        let mut comparison = Comparison::default();
        comparison.equal(Group::Sockets, "a socket's port", &1_u16, Some(2));
        comparison.equal(Group::Files, "a file's inode", &5_u64, None);
        let findings = Findings(comparison.0);
        let words = findings.against(&[RecordKind::NetworkBind]).unwrap();
        assert!(
            words.contains("a socket's port as 1 where it is 2"),
            "{words}"
        );
        assert_eq!(findings.against(&[RecordKind::FileOpen]), None);

        let mut comparison = Comparison::default();
        comparison.equal(Group::Tasks, "its parent", &0_u32, Some(1));
        assert!(
            Findings(comparison.0)
                .against(&[RecordKind::FileOpen])
                .is_some()
        );
    }
}
