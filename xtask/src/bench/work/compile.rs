use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context as _, Result, anyhow};

use super::{
    Work,
    tool::{find, run},
};
use crate::toolchain::Search;

pub(super) const NAME: &str = "compile of 12 C files, 2 jobs";

const FILES: usize = 12;
const FUNCTIONS: usize = 20;
const JOBS: usize = 2;

/// Compiles a fixed set of files, two at a time, and links them: several processes a file, which
/// read headers and write objects.
pub(super) fn prepare(directory: &Path, search: &Search) -> Result<Work> {
    let compiler = find(search, "cc", "build-essential")?;
    let directory = directory.join("compile");
    fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    let mut sources = Vec::new();
    for number in 0..FILES {
        let path = directory.join(format!("file{number}.c"));
        fs::write(&path, source(number)).with_context(|| format!("write {}", path.display()))?;
        sources.push(path);
    }
    Ok(Work::new(NAME, move || {
        compile(&compiler, &sources)?;
        let mut link = Command::new(&compiler);
        link.arg("-o").arg(directory.join("program"));
        run(link.args(sources.iter().map(|source| object(source))))
    }))
}

fn compile(compiler: &Path, sources: &[PathBuf]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let job = || -> Result<()> {
        while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut command = Command::new(compiler);
            command.args(["-O1", "-c", "-o"]);
            run(command.arg(object(source)).arg(source))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let jobs: Vec<_> = (0..JOBS).map(|_| scope.spawn(job)).collect();
        jobs.into_iter().try_for_each(|job| {
            let joined = job.join();
            joined.map_err(|_| anyhow!("a thread that compiles panicked"))?
        })
    })
}

fn object(source: &Path) -> PathBuf {
    source.with_extension("o")
}

/// The same on each machine, and enough for a compiler to be at work for a tenth of a second.
fn source(file: usize) -> String {
    let mut text = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
    for function in 0..FUNCTIONS {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "int f{file}_{function}(const char *text, int count) {{
    int sum = {function};
    for (int i = 0; i < count; i++) {{
        switch ((text[i] + sum) % 5) {{
        case 0: sum += (int)strlen(text) * {file}; break;
        case 1: sum ^= atoi(text + i); break;
        case 2: sum = (sum << 3) | (sum >> 2); break;
        case 3: if (sum % 7 == {function} % 7) printf(\"%d %s\\n\", sum, text); break;
        default: sum -= i;
        }}
    }}
    return sum;
}}"
        );
    }
    if file == 0 {
        text.push_str("int main(void) { return f0_0(\"\", 0); }\n");
    }
    text
}
