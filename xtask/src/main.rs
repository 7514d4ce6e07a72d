//! The commands of this project: `cargo xtask COMMAND`.
//!
//! # Layout
//! - [`bench`]: what the extension costs, beside a floor program and any peers
//! - [`cargo`]: builds what a command needs, and says where it is
//! - [`error`]: what can go wrong, each with what to do about it
//! - [`table`]: aligned columns on a terminal

mod bench;
mod cargo;
mod error;
mod table;

use std::error::Error as _;
use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
enum Command {
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Bench(bench) => bench.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            let mut cause = error.source();
            while let Some(because) = cause {
                eprintln!("  because: {because}");
                cause = because.source();
            }
            ExitCode::FAILURE
        }
    }
}
