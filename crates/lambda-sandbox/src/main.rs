//! `lambda-sandbox`: a function and its extensions in a sandbox, with a timeline of what happens.

mod command;

use std::process::ExitCode;

use clap::Parser as _;
use command::{Command, Invocations};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match command::execute(Command::parse()).await {
        Ok(Invocations::AllSucceeded) => ExitCode::SUCCESS,
        Ok(Invocations::SomeFailed) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lambda-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}
