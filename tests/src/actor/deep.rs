//! A path longer than any record: made and used piece by piece.

use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

use crate::facts::Facts;

/// `deep create TOP LENGTH COUNT NAME`: below TOP, COUNT directories with names
/// of LENGTH letters, and in the last of them a new file NAME.
pub(crate) fn act(act: &str, arguments: &[&str]) {
    assert_eq!(act, "create");
    let [top, length, count, name] = arguments else {
        panic!("{arguments:?}: a directory, two numbers, and a name");
    };
    let mut facts = Facts::new();
    let component = "d".repeat(length.parse().unwrap());
    let count: usize = count.parse().unwrap();
    let directory = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut here = open(*top, directory, Mode::empty()).unwrap();
    let mut path = (*top).to_owned();
    for _ in 0..count {
        mkdirat(&here, &component, Mode::RWXU).unwrap();
        here = openat(&here, &component, directory, Mode::empty()).unwrap();
        path.push('/');
        path.push_str(&component);
    }
    let file = openat(&here, *name, OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
    facts.set("path", format!("{path}/{name}"));
    facts.set_open_file(file);
    facts.print();
}
