use std::sync::OnceLock;

use super::{ArgumentShape, PathClass, Sha256, Words};
use crate::event::{Exec, ExecFacts, split_args};

/// The program a process runs. Children share it until they run another.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Facts about executable, credentials and surroundings at exec.
    pub facts: ExecFacts,
    /// Absolute path of the executable.
    pub exe: Box<[u8]>,
    /// Absolute working directory at exec.
    pub cwd: Box<[u8]>,
    /// Arguments, each ended by a zero byte.
    pub args: Box<[u8]>,
    /// Bytes of arguments that there were; more than `args` when cut.
    pub args_total: u32,
    /// Where the script lies that the executable interprets; `None` when it runs
    /// none by itself.
    pub script: Option<PathClass>,
    /// Shape of the arguments, once it was asked for.
    shape: OnceLock<ArgumentShape>,
    /// Words of the arguments, once they were asked for.
    words: OnceLock<Words>,
    /// Hash of the executable, once it is known.
    pub sha256: OnceLock<Sha256>,
}

impl Image {
    /// The program that an exec started.
    #[must_use]
    pub fn from_exec(exec: &Exec<'_>) -> Self {
        Self {
            args_total: exec.args_total,
            script: exec.facts.interpreted.then(|| script_class(exec)),
            ..Self::new(exec.facts, exec.exe, exec.cwd, exec.args)
        }
    }

    /// A program of which no more is known.
    #[must_use]
    pub fn new(facts: ExecFacts, exe: &[u8], cwd: &[u8], args: &[u8]) -> Self {
        Self {
            facts,
            exe: exe.into(),
            cwd: cwd.into(),
            args: args.into(),
            args_total: u32::try_from(args.len()).unwrap_or(u32::MAX),
            script: None,
            shape: OnceLock::new(),
            words: OnceLock::new(),
            sha256: OnceLock::new(),
        }
    }

    /// Shape of the arguments: measured once, for all that run the program.
    #[must_use]
    pub fn shape(&self) -> &ArgumentShape {
        self.shape.get_or_init(|| ArgumentShape::of(&self.args))
    }

    /// Words of the arguments: looked for once, for all that run the program.
    #[must_use]
    pub fn words(&self) -> &Words {
        self.words.get_or_init(|| Words::of(&self.args))
    }

    /// True when the program was started under another name than its file's.
    #[must_use]
    pub fn has_other_name(&self) -> bool {
        let Some(argument) = self.arguments().next() else {
            return false;
        };
        // A login shell's name begins with a hyphen.
        let called = last_part(argument.strip_prefix(b"-").unwrap_or(argument));
        let file = last_part(&self.exe);
        // `python3` is a file `python3.13`.
        !called.is_empty() && !file.starts_with(called) && !called.starts_with(file)
    }

    /// The arguments one by one.
    pub fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        split_args(&self.args)
    }
}

/// The class of a script's path; a relative one lies in the working directory.
fn script_class(exec: &Exec<'_>) -> PathClass {
    if exec.filename.first() == Some(&b'/') {
        PathClass::of(exec.filename)
    } else {
        PathClass::of(&[exec.cwd, b"/", exec.filename].concat())
    }
}

fn last_part(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    slash.map_or(path, |slash| &path[slash + 1..])
}
