use std::{collections::HashSet, os::unix::ffi::OsStrExt, path::PathBuf};

use procfs::process::Process;

use crate::{
    event::{ProcessId, Tgid},
    policy::Spared,
    state::Image,
};

/// Who is never killed.
#[derive(Clone, Debug)]
pub struct Protection {
    own: Tgid,
    sensor: HashSet<Tgid>,
    executables: HashSet<Box<[u8]>>,
}

impl Protection {
    /// Protects process 1, the sensor with its children, its ancestors as they are
    /// now, and these executables.
    #[must_use]
    pub fn new(executables: &[PathBuf]) -> Self {
        let mut sensor = HashSet::new();
        let mut number = std::process::id().cast_signed();
        // Bounded: a process tree deeper than this is not followed.
        for _ in 0..64 {
            if number <= 1 {
                break;
            }
            sensor.insert(Tgid(number.cast_unsigned()));
            let Ok(stat) = Process::new(number).and_then(|process| process.stat()) else {
                break;
            };
            number = stat.ppid;
        }
        let executables = executables
            .iter()
            .map(|path| path.as_os_str().as_bytes().into())
            .collect();
        Self {
            own: Tgid(std::process::id()),
            sensor,
            executables,
        }
    }

    /// Why a process with this parent that runs this program may not be killed, if so.
    /// The sensor's children try models, and have no rights.
    #[must_use]
    pub fn spares(
        &self,
        process: ProcessId,
        parent: Option<ProcessId>,
        image: Option<&Image>,
    ) -> Option<Spared> {
        if process.tgid == Tgid(1) {
            return Some(Spared::Init);
        }
        let is_child = parent.is_some_and(|parent| parent.tgid == self.own);
        if is_child || self.sensor.contains(&process.tgid) {
            return Some(Spared::Sensor);
        }
        match image {
            None => Some(Spared::NoProgram),
            Some(image) if self.executables.contains(&image.exe) => Some(Spared::Configured),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::test_support::{exec_facts, process_id};

    fn process(number: u32, exe: &[u8]) -> (ProcessId, Option<Image>) {
        let image = Image::new(exec_facts(), exe, b"/", b"");
        (process_id(number, 5), Some(image))
    }

    #[test]
    fn init_the_sensor_its_ancestors_and_the_list_are_spared() {
        let protection = Protection::new(&[PathBuf::from("/usr/sbin/sshd")]);
        let own = std::process::id();
        let parent = std::os::unix::process::parent_id();
        for ((process, image), spared) in [
            (process(1, b"/sbin/init"), Some(Spared::Init)),
            (process(own, b"/x"), Some(Spared::Sensor)),
            (process(parent, b"/x"), Some(Spared::Sensor)),
            (
                process(4_000_000, b"/usr/sbin/sshd"),
                Some(Spared::Configured),
            ),
            (process(4_000_000, b"/tmp/sshd"), None),
            ((process_id(2, 0), None), Some(Spared::NoProgram)),
        ] {
            let found = protection.spares(process, None, image.as_ref());
            assert_eq!(found, spared, "{process:?}");
        }
        let (child, image) = process(4_000_000, b"/tmp/sensor");
        for (of, spared) in [(own, Some(Spared::Sensor)), (parent, None)] {
            let found = protection.spares(child, Some(process_id(of, 0)), image.as_ref());
            assert_eq!(found, spared, "{of}");
        }
    }
}
