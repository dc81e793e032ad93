//! Commands for people and machines that build, run, and test the sensor.

mod bench;
mod build;
mod dataset;
mod debian;
mod docs;
mod ebpf;
mod fuzz;
mod kernel_object;
mod run;
mod setup;
mod steps;
mod test;
mod toolchain;
mod train;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs, and tests the sensor.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Setup(setup::Arguments),
    Build(build::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Bench(bench::Arguments),
    #[command(hide = true)]
    BenchInside(bench::inside::Arguments),
    #[command(hide = true)]
    BenchWorker(bench::worker::Arguments),
    Docs(docs::Arguments),
    Ebpf(ebpf::Arguments),
    Dataset(dataset::Arguments),
    Train(train::Train),
    Eval(train::Eval),
    Vm(vm::Arguments),
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup(arguments) => setup::main(&arguments),
        Command::Build(arguments) => build::main(&arguments),
        Command::Run(arguments) => run::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::BenchInside(arguments) => bench::inside::main(&arguments),
        Command::BenchWorker(arguments) => bench::worker::main(&arguments),
        Command::Docs(arguments) => docs::main(&arguments),
        Command::Ebpf(arguments) => ebpf::main(&arguments),
        Command::Dataset(arguments) => dataset::main(&arguments),
        Command::Train(train) => train.run(),
        Command::Eval(eval) => eval.run(),
        Command::Vm(arguments) => vm::main(&arguments),
        Command::Fuzz(arguments) => fuzz::main(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Returned from `main`, it would drag a backtrace along wherever RUST_BACKTRACE is set,
            // and every error here is about the machine, not about this program.
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn no_command_has_two_options_of_one_name() {
        super::Arguments::command().debug_assert();
    }
}
