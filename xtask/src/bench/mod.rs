//! `cargo xtask bench`: what the extension costs, beside a floor program and any peers, in turn, in one run.
//!
//! # Layout
//! - [`contender`]: the programs that are measured
//! - [`platform`]: the Extensions API, as cheap as it can be, and with a clock
//! - [`launch`]: one of the programs, started as an extension: how long until it polls, how much memory it has then
//! - [`relay`]: profiles posted to one: how long the profiler waits, what it costs, what arrives
//! - [`receiver`]: the remote server, as cheap as it can be
//! - [`http`]: as much of HTTP as that needs
//! - [`process`]: what the kernel knows about a process
//! - [`figures`]: medians and percentiles
//! - [`outcome`]: the table, the JSON file, the budgets

mod contender;
mod figures;
mod http;
mod launch;
mod outcome;
mod platform;
mod process;
mod receiver;
mod relay;

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::cargo::{Build, Workspace};
use crate::error::Error;
use crate::port;
use contender::Contender;
use launch::{Launch, Start};
use outcome::{Measured, Outcome};
use platform::Platform;

/// Measure cold start, memory, size, and what a relayed profile costs
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Cold starts of each program
    #[arg(long, default_value_t = 50)]
    runs: usize,
    /// Profiles posted to each program
    #[arg(long, default_value_t = 1000)]
    profiles: usize,
    /// Another extension to measure beside this one; may be repeated
    #[arg(long, value_name = "FILE")]
    peer: Vec<PathBuf>,
    #[command(flatten)]
    build: Build,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Few runs: enough for the budgets, too few for comparisons
    #[arg(long)]
    quick: bool,
    /// Fail when a budget is missed
    #[arg(long)]
    check: bool,
}

// === impl Bench ===

impl Bench {
    pub(crate) fn run(&self) -> Result<(), Error> {
        let (runs, profiles) =
            if self.quick { (12, 200) } else { (self.runs.max(3), self.profiles.max(100)) };
        let workspace = Workspace::locate()?;
        let contenders = self.contenders(&workspace)?;
        let launch = Launch {
            platform: Platform::start().map_err(Error::io("start the Extensions API"))?,
            relay_port: self.relay_port()?,
            logs: workspace.target.join("bench"),
        };

        let mut starts: Vec<Vec<Start>> = contenders.iter().map(|_| Vec::new()).collect();
        // In turn, so that whatever else the machine does meets all of them; the first round warms the page cache up.
        for round in 0..=runs {
            eprint!("\rCold starts: {round} of {runs}");
            for (contender, starts) in contenders.iter().zip(&mut starts) {
                let start = launch.cold_start(contender)?;
                if round > 0 {
                    starts.push(start);
                }
            }
        }
        eprintln!();

        let floor = contenders.iter().zip(&starts).find(|(contender, _)| !contender.relays);
        let floor = floor.map(|(_, starts)| starts.as_slice());
        let mut measured = Vec::new();
        for (contender, starts) in contenders.iter().zip(&starts) {
            let relay = if contender.relays {
                eprintln!("Relay: {profiles} profiles through {}", contender.name);
                Some(relay::measure(&launch, contender, profiles)?)
            } else {
                None
            };
            measured.push(Measured::new(contender, starts, floor, relay)?);
        }
        let outcome = Outcome::new(measured);
        println!("\n{outcome}");
        if let Some(file) = &self.json {
            let json = serde_json::to_string_pretty(&outcome)
                .map_err(|source| Error::Unreadable { of: "the bench", source })?;
            fs::write(file, json + "\n").map_err(Error::io(format!("write {}", file.display())))?;
            println!("Written to {}", file.display());
        }
        let missed = outcome.missed();
        for budget in &missed {
            println!("Over budget: {budget}");
        }
        if self.check && !missed.is_empty() {
            return Err(Error::OverBudget(missed));
        }
        Ok(())
    }

    fn contenders(&self, workspace: &Workspace) -> Result<Vec<Contender>, Error> {
        let mut contenders: Vec<Contender> = contender::floor(workspace)?.into_iter().collect();
        contenders.push(Contender::this(self.build.extension()?));
        contenders.extend(self.peer.iter().cloned().map(Contender::peer));
        Ok(contenders)
    }

    /// Peers listen on 4040 and nowhere else.
    fn relay_port(&self) -> Result<u16, Error> {
        match port::relay()? {
            port if port == port::RELAY || self.peer.is_empty() => Ok(port),
            _ => Err(Error::PortTaken(port::RELAY)),
        }
    }
}
