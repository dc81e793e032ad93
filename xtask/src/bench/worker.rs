//! Processes of the bench's own that make loads: started by it, and gone when it is.
//!
//! The bench holds the other end of a worker's standard input. However the bench ends, that ends too,
//! and with it whatever waits for it.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;

use super::{
    companion::Companion,
    crowd,
    load::{Made, Mix},
};

/// Makes a load for `cargo xtask bench`
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    work: Work,
}

/// What a worker does.
#[derive(Subcommand)]
enum Work {
    /// Acts as fast as they go
    Storm {
        #[arg(long)]
        mix: Mix,
        /// Where it has its files
        #[arg(long)]
        directory: PathBuf,
        #[arg(long)]
        seconds: f64,
    },
    /// Processes that live
    Crowd {
        #[arg(long)]
        program: PathBuf,
        #[arg(long)]
        processes: usize,
    },
}

/// Works, and writes what came of it to standard output.
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    match &arguments.work {
        Work::Storm {
            mix,
            directory,
            seconds,
        } => {
            let mut mixed = mix.prepare(directory)?;
            tell(&"ready")?;
            io::stdin()
                .read_line(&mut String::new())
                .context("wait for the start")?;
            tell(&mixed.run(Duration::from_secs_f64(*seconds))?)
        }
        Work::Crowd { program, processes } => {
            let crowd = crowd::Living::start(program, *processes);
            tell(&crowd.told())?;
            // All of them wait for the end of the same input.
            io::stdin()
                .read_to_end(&mut Vec::new())
                .context("wait for the end")?;
            crowd.wait()
        }
    }
}

/// One line of JSON.
fn tell(what: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(what).context("write a line")?;
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .context("write a line")
}

/// A worker that was started; dropping it ends it.
pub(super) struct Worker {
    companion: Companion,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// One that waits with its load until it is told to begin. `name` is of its files, too.
    pub(super) fn storm(directory: &Path, name: &str, mix: Mix, length: Duration) -> Result<Self> {
        let folder = directory.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let mut command = own("storm")?;
        command
            .args(["--mix", mix.name(), "--directory"])
            .arg(&folder)
            .args(["--seconds", &length.as_secs_f64().to_string()]);
        let mut worker = Self::start(directory, name, &mut command)?;
        let ready: String = worker.hear()?;
        ensure!(ready == "ready", "a load says `{ready}` instead of `ready`");
        Ok(worker)
    }

    /// A crowd, of which as many live as the machine lets.
    pub(super) fn crowd(
        directory: &Path,
        program: &Path,
        processes: usize,
    ) -> Result<(Self, crowd::Told)> {
        let mut command = own("crowd")?;
        command
            .arg("--program")
            .arg(program)
            .args(["--processes", &processes.to_string()]);
        let mut worker = Self::start(directory, "crowd", &mut command)?;
        let told = worker.hear()?;
        Ok((worker, told))
    }

    fn start(directory: &Path, name: &str, command: &mut Command) -> Result<Self> {
        let errors = directory.join(format!("{name}-errors"));
        let name = format!("the load `{name}`");
        let (companion, input, output) = Companion::start_talking(&name, command, &errors)?;
        Ok(Self {
            companion,
            input,
            output: BufReader::new(output),
        })
    }

    /// Lets the load begin.
    pub(super) fn begin(&mut self) -> Result<()> {
        writeln!(self.input, "go").context("let a load begin")
    }

    /// Waits for the load's end; what it made.
    pub(super) fn made(mut self, limit: Duration) -> Result<Made> {
        // Its one line fits into the pipe: it need not be read meanwhile.
        self.companion.finish(limit)?;
        hear(&mut self.output)
    }

    /// Ends it, and waits for that.
    pub(super) fn end(self, limit: Duration) -> Result<()> {
        drop(self.input);
        self.companion.finish(limit)
    }

    /// What it says next; an error with its words if it ends instead.
    fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        hear(&mut self.output).or_else(|error| {
            self.companion
                .wait_until(Duration::from_secs(1), || Ok(false))?;
            Err(error)
        })
    }
}

fn hear<T: DeserializeOwned>(output: &mut BufReader<ChildStdout>) -> Result<T> {
    let mut line = String::new();
    output.read_line(&mut line).context("listen to a load")?;
    serde_json::from_str(&line).with_context(|| format!("a load says `{}`", line.trim()))
}

/// This program, as a worker.
fn own(work: &str) -> Result<Command> {
    let program = env::current_exe().context("find the path of this program")?;
    let mut command = Command::new(program);
    command.args(["bench-worker", work]);
    Ok(command)
}
