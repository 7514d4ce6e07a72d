//! `cargo xtask fuzz`: hostile bytes for whatever reads bytes that it did not write.
//!
//! # Layout
//! - `tool`: gets `cargo-fuzz` and builds the targets, which are in the crate `fuzz`
//! - `seeds`: what each target starts from: recorded requests, the server's vectors, and what people wrote
//! - `run`: one target for a bounded time, and what it found

mod run;
mod seeds;
mod tool;

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::task::JoinSet;

use self::run::Outcome;
use self::tool::Targets;
use crate::cargo::Workspace;
use crate::error::Error;
use crate::table::Table;

/// Feed hostile bytes to whatever reads bytes that it did not write
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// Which of the targets in `fuzz/fuzz_targets`; all of them where none is named
    targets: Vec<String>,
    /// How long each of them runs
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many run at once
    #[arg(long, default_value = "1")]
    jobs: NonZeroUsize,
    /// What watches memory: the extension has no unsafe code, but what it depends on has
    #[arg(long, value_enum, default_value_t = Sanitizer::None)]
    sanitizer: Sanitizer,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sanitizer {
    /// Nothing, which is the fastest
    None,
    /// LLVM's address sanitizer
    Address,
}

// === impl Fuzz ===

impl Fuzz {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let known = tool::known_targets()?;
        if let Some(unknown) = self.targets.iter().find(|target| !known.contains(target)) {
            return Err(Error::NoFuzzTarget { target: unknown.clone(), known });
        }
        let chosen = if self.targets.is_empty() { known } else { self.targets };
        let folder = Workspace::locate()?.target.join("fuzz");
        seeds::write(&folder.join("seeds"))?;
        let targets = Targets::build(&folder, &chosen, self.sanitizer.word()).await?;

        println!(
            "\n{} targets, {} s each; logs in {}",
            chosen.len(),
            self.seconds,
            folder.join("logs").display()
        );
        let mut left = chosen.into_iter();
        let mut running = JoinSet::new();
        let mut outcomes = Vec::new();
        loop {
            while running.len() < self.jobs.get()
                && let Some(target) = left.next()
            {
                running.spawn(targets.run(target, Duration::from_secs(self.seconds)));
            }
            let Some(outcome) = running.join_next().await else { break };
            let outcome = outcome.map_err(|source| Error::part("a fuzz target", &source))??;
            println!(
                "  {}: {}",
                outcome.target,
                if outcome.findings.is_empty() { "nothing" } else { "FOUND" }
            );
            outcomes.push(outcome);
        }
        report(outcomes)
    }
}

fn report(mut outcomes: Vec<Outcome>) -> Result<(), Error> {
    outcomes.sort_by(|one, other| one.target.cmp(&other.target));
    let mut table = Table::new(["", "executions", "a second", "edges", "inputs", "findings"]);
    for outcome in &outcomes {
        let figures = [outcome.executions, outcome.a_second, outcome.edges, outcome.inputs];
        let findings = outcome.findings.len().to_string();
        table.row(
            [outcome.target.clone()]
                .into_iter()
                .chain(figures.map(|figure| figure.to_string()))
                .chain([findings]),
        );
    }
    println!("\n{table}");
    let wrong: Vec<String> = outcomes.into_iter().flat_map(|outcome| outcome.findings).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "fuzzing", wrong, log: None }) }
}

// === impl Sanitizer ===

impl Sanitizer {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Address => "address",
        }
    }
}
