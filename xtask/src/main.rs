//! The commands of this project: `cargo xtask COMMAND`.
//!
//! # Layout
//! - [`demo`]: a profiled function under the extension, and its flame graph
//! - [`e2e`]: the real SDKs of other languages
//! - [`bench`](mod@bench): what the extension costs, beside a floor program and any peers
//! - [`chaos`]: whether every acknowledged profile arrives, whatever happens on the way
//! - [`soak`]: whether memory and descriptors stay what they are
//! - [`flush_costs`]: what each flush strategy adds to an invocation
//! - [`fuzz`]: hostile bytes for whatever reads them
//! - [`interop`]: real proxies and servers around the extension
//! - [`layer`]: the extension as a Lambda layer
//! - [`docs`](mod@docs): the documentation as a site
//! - [`examples`]: the examples, through their own tools
//! - [`publish`](mod@publish): the layers, to every region
//! - [`load`]: a function that posts profiles
//! - [`dependencies`]: whether what is written down about dependencies is true
//! - [`dice`]: numbers that look random and follow from a seed
//! - [`distance`]: a remote that is far away
//! - [`environment`]: one life of a Lambda environment
//! - [`expected`]: what has to be true of what arrives
//! - [`cargo`](mod@cargo): builds what a command needs, and says where it is
//! - [`error`]: what can go wrong, each with what to do about it
//! - [`port`]: where the relay listens
//! - [`step`]: a program that installs or compiles something
//! - [`venv`]: programs from the Python Package Index
//! - [`workshop`]: a folder that sources are installed in
//! - [`table`]: aligned columns on a terminal

mod bench;
mod cargo;
mod chaos;
mod demo;
mod dependencies;
mod dice;
mod distance;
mod docs;
mod e2e;
mod environment;
mod error;
mod examples;
mod expected;
mod flush_costs;
mod fuzz;
mod interop;
mod layer;
mod load;
mod port;
mod publish;
mod soak;
mod step;
mod table;
mod venv;
mod workshop;

use std::error::Error as _;
use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
enum Command {
    Demo(demo::Demo),
    E2e(e2e::E2e),
    Bench(bench::Bench),
    Chaos(chaos::Chaos),
    Soak(soak::Soak),
    FlushCosts(flush_costs::FlushCosts),
    Fuzz(fuzz::Fuzz),
    Dependencies(dependencies::Dependencies),
    Interop(interop::Interop),
    Layer(layer::Layer),
    Docs(docs::Docs),
    Examples(examples::Examples),
    Publish(publish::Publish),
    /// The function of other commands: run by a sandbox, not by people
    #[command(hide = true)]
    Load,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Demo(demo) => demo.run().await,
        Command::E2e(e2e) => e2e.run().await,
        Command::Bench(bench) => bench.run().await,
        Command::Chaos(chaos) => chaos.run().await,
        Command::Soak(soak) => soak.run().await,
        Command::FlushCosts(costs) => costs.run().await,
        Command::Dependencies(dependencies) => dependencies.run(),
        Command::Fuzz(fuzz) => fuzz.run().await,
        Command::Interop(interop) => interop.run().await,
        Command::Layer(layer) => layer.run().await,
        Command::Docs(docs) => docs.run().await,
        Command::Examples(examples) => examples.run().await,
        Command::Publish(publish) => publish.run(),
        Command::Load => load::run(),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Command;

    #[test]
    fn the_command_line_is_sound() {
        Command::command().debug_assert();
    }
}
