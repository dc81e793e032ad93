//! What part of the file system a path lies in.

mod places;

use places::{
    CONFIGURATION_ELSEWHERE, RIGHTS, RIGHTS_AT_HOME, RIGHTS_ELSEWHERE, STARTING, STARTING_AT_HOME,
    STARTING_ELSEWHERE,
};

/// What part of the file system a path lies in, by the Filesystem Hierarchy
/// Standard: the places that every Linux server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// World-writable or memory-backed: `/tmp`, `/var/tmp`, `/dev/shm`, `/run`.
    Temporary,
    /// What makes programs start by themselves, or code be loaded into others:
    /// timetables, units, start-up files, hooks, preloaded libraries.
    Starting,
    /// Accounts, rights and keys.
    Rights,
    /// Any other configuration of the system.
    Configuration,
    /// Programs and libraries of the system.
    Program,
    /// `/var/log`.
    Log,
    /// What a web server hands out, or runs.
    Served,
    /// What a shell or another program remembers of what it was told.
    History,
    /// A dot file or below a dot directory in somebody's home.
    HiddenHome,
    /// Anything else in somebody's home.
    Home,
    /// `/proc`, `/sys` and devices.
    Kernel,
    /// Anything else.
    Other,
}

/// World-writable or memory-backed directories.
const TEMPORARY: &[&[u8]] = &[b"/tmp", b"/var/tmp", b"/dev/shm", b"/run", b"/var/run"];

/// Where web servers look for what they serve, unless told otherwise.
const SERVED: &[&[u8]] = &[
    b"/var/www",
    b"/srv/www",
    b"/srv/http",
    b"/usr/share/nginx",
    b"/usr/lib/cgi-bin",
];

impl PathClass {
    /// The class of an absolute path.
    #[must_use]
    pub fn of(path: &[u8]) -> Self {
        if let Some(inside) = path.strip_prefix(b"/etc/") {
            return if one_of(inside, STARTING) {
                Self::Starting
            } else if one_of(inside, RIGHTS) {
                Self::Rights
            } else {
                Self::Configuration
            };
        }
        let any = |places: &[&[u8]]| one_of(path, places);
        let below = |directories: &[&[u8]]| directories.iter().any(|place| below(path, place));
        if any(STARTING_ELSEWHERE) || is_hook(path) {
            Self::Starting
        } else if below(TEMPORARY) {
            Self::Temporary
        } else if below(&[b"/var/log"]) {
            Self::Log
        } else if below(SERVED) {
            Self::Served
        } else if any(RIGHTS_ELSEWHERE) {
            Self::Rights
        } else if any(CONFIGURATION_ELSEWHERE) {
            Self::Configuration
        } else if below(&[
            b"/usr", b"/bin", b"/sbin", b"/lib", b"/lib32", b"/lib64", b"/boot",
        ]) {
            Self::Program
        } else if below(&[b"/proc", b"/sys", b"/dev"]) {
            Self::Kernel
        } else if let Some(inside) = home(path) {
            Self::at_home(inside)
        } else {
            Self::Other
        }
    }

    /// The class of what lies directly in a directory.
    #[must_use]
    pub fn of_directory(path: &[u8]) -> Self {
        if TEMPORARY.contains(&path) {
            Self::Temporary
        } else {
            Self::of(path)
        }
    }

    /// The class of a path below a home.
    pub(super) fn at_home(inside: &[u8]) -> Self {
        if one_of(inside, STARTING_AT_HOME) || is_shell_start_up(inside) {
            Self::Starting
        } else if one_of(inside, RIGHTS_AT_HOME) {
            Self::Rights
        } else if is_history(inside) {
            Self::History
        } else if is_hidden(inside) {
            Self::HiddenHome
        } else {
            Self::Home
        }
    }
}

/// True when a part of the path begins with a dot, and is not merely `.` or
/// `..`, which no resolved path has.
#[must_use]
pub(super) fn is_hidden(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/')
        .any(|part| part.first() == Some(&b'.'))
}

/// The path is one of the places or lies below one.
fn one_of(path: &[u8], places: &[&[u8]]) -> bool {
    places
        .iter()
        .any(|place| path == *place || below(path, place))
}

fn below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// Dot files directly in a home whose names end like those that shells and
/// other interpreters read when they start.
fn is_shell_start_up(inside: &[u8]) -> bool {
    inside.first() == Some(&b'.') && !inside.contains(&b'/') && inside.ends_with(b"rc")
}

/// Dot files directly in a home that keep what was typed.
fn is_history(inside: &[u8]) -> bool {
    let ends: [&[u8]; 4] = [b"history", b"_hist", b".lesshst", b".viminfo"];
    inside.first() == Some(&b'.')
        && !inside.contains(&b'/')
        && ends.iter().any(|end| inside.ends_with(end))
}

/// Code that another program runs by itself wherever it lies: hooks of a git
/// repository, and what Python reads at its start.
fn is_hook(path: &[u8]) -> bool {
    const GIT: &[u8] = b"/.git/hooks/";
    let is_start_of_python = path.ends_with(b".pth")
        || path.ends_with(b"/sitecustomize.py")
        || path.ends_with(b"/usercustomize.py");
    // Samples lie in every repository, and nothing runs them.
    let is_git_hook =
        !path.ends_with(b".sample") && path.windows(GIT.len()).any(|window| window == GIT);
    is_start_of_python || is_git_hook
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
        use PathClass::{
            Configuration, HiddenHome, History, Home, Kernel, Log, Other, Program, Rights, Served,
            Starting, Temporary,
        };
        for (path, class) in [
            ("/tmp/x", Temporary),
            ("/tmpx/x", Other),
            ("/dev/shm/a", Temporary),
            ("/dev/sda", Kernel),
            ("/etc/hostname", Configuration),
            ("/etc/passwd", Rights),
            ("/etc/passwdx", Configuration),
            ("/etc/sudoers.d/admin", Rights),
            ("/etc/ssl/private/host.key", Rights),
            ("/etc/ssl/certs/a.pem", Configuration),
            ("/etc/cron.d/backup", Starting),
            ("/etc/ld.so.preload", Starting),
            ("/usr/lib/systemd/system/a.service", Starting),
            ("/run/systemd/system/a.service", Starting),
            ("/run/a", Temporary),
            ("/usr/bin/ls", Program),
            ("/usr/lib/x86_64-linux-gnu/security/pam_x.so", Rights),
            ("/usr/lib/python3/dist-packages/a.pth", Starting),
            ("/srv/project/.git/hooks/post-merge", Starting),
            ("/srv/project/.git/hooks/post-merge.sample", Other),
            ("/var/log/syslog", Log),
            ("/var/www/html/index.php", Served),
            ("/home/eve/.ssh/authorized_keys", Rights),
            ("/home/eve/.ssh/rc", Starting),
            ("/home/eve/.config/autostart/a.desktop", Starting),
            ("/home/eve/.config/editor", HiddenHome),
            ("/home/eve/notes", Home),
            ("/root/.bashrc", Starting),
            ("/root/src/.bashrc", HiddenHome),
            ("/root/.bash_history", History),
            ("/home/eve", Other),
            ("/srv/data", Other),
            ("", Other),
        ] {
            assert_eq!(PathClass::of(path.as_bytes()), class, "{path}");
        }
    }
}
