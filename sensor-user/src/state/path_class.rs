/// What part of the file system a path lies in, by the Filesystem Hierarchy
/// Standard: the places that every Linux server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// World-writable or memory-backed: `/tmp`, `/var/tmp`, `/dev/shm`, `/run`.
    Temporary,
    /// What decides what runs, and as whom: `/etc`, unit and cron directories.
    Configuration,
    /// Programs and libraries of the system.
    Program,
    /// `/var/log`.
    Log,
    /// A dot file or below a dot directory in somebody's home.
    HiddenHome,
    /// Anything else in somebody's home.
    Home,
    /// `/proc`, `/sys` and devices.
    Kernel,
    /// Anything else.
    Other,
}

impl PathClass {
    /// The class of an absolute path.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        let below = |directory: &[u8]| {
            path.strip_prefix(directory)
                .is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        let any = |directories: &[&[u8]]| directories.iter().any(|directory| below(directory));
        if any(&[b"/tmp", b"/var/tmp", b"/dev/shm", b"/run", b"/var/run"]) {
            Self::Temporary
        } else if any(&[
            b"/etc",
            b"/usr/lib/systemd",
            b"/lib/systemd",
            b"/usr/local/etc",
            b"/var/spool/cron",
            b"/usr/lib/udev",
        ]) {
            Self::Configuration
        } else if any(&[b"/var/log"]) {
            Self::Log
        } else if any(&[b"/usr", b"/bin", b"/sbin", b"/lib", b"/lib64", b"/boot"]) {
            Self::Program
        } else if any(&[b"/proc", b"/sys", b"/dev"]) {
            Self::Kernel
        } else if let Some(inside) = home(path) {
            if inside
                .split(|&byte| byte == b'/')
                .any(|part| part.first() == Some(&b'.'))
            {
                Self::HiddenHome
            } else {
                Self::Home
            }
        } else {
            Self::Other
        }
    }
}

/// The part of a path below somebody's home directory.
fn home(path: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = path.strip_prefix(b"/root/") {
        return Some(rest);
    }
    let rest = path.strip_prefix(b"/home/")?;
    let user = rest.iter().position(|&byte| byte == b'/')?;
    Some(&rest[user + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_hierarchy() {
        for (path, class) in [
            ("/tmp/x", PathClass::Temporary),
            ("/tmpx/x", PathClass::Other),
            ("/dev/shm/a", PathClass::Temporary),
            ("/dev/sda", PathClass::Kernel),
            ("/etc/passwd", PathClass::Configuration),
            (
                "/usr/lib/systemd/system/a.service",
                PathClass::Configuration,
            ),
            ("/usr/bin/ls", PathClass::Program),
            ("/var/log/syslog", PathClass::Log),
            ("/home/eve/.ssh/authorized_keys", PathClass::HiddenHome),
            ("/home/eve/notes", PathClass::Home),
            ("/root/.bashrc", PathClass::HiddenHome),
            ("/home/eve", PathClass::Other),
            ("/srv/data", PathClass::Other),
            ("", PathClass::Other),
        ] {
            assert_eq!(PathClass::of(path.as_bytes()), class, "{path}");
        }
    }
}
