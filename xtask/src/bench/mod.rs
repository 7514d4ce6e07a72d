//! `cargo xtask bench`: what the extension costs, beside a floor program, a proxy in C and any peers, in turn, in one run.
//!
//! # Layout
//! What is measured, a section each:
//! - [`start`]: cold starts, and with [`instructions`] how much they take
//! - [`relay`]: what the profiler waits for, and CPU time a profile
//! - [`memory`]: resident memory, and sizes
//! - [`handler`]: what is added to a handler
//! - [`drain`]: what is delivered in a shutdown
//! - [`growth`]: whether anything grows
//!
//! With what:
//! - [`ground`]: what all sections have in common
//! - [`contender`]: the programs that are measured; [`nginx`] is one of them
//! - [`launch`]: one of them, started
//! - [`platform`]: the Extensions API, as cheap as it can be, and with a clock
//! - [`profiler`]: an SDK's side
//! - [`receiver`]: the remote server, as cheap as it can be, and [`tls`] for it
//! - [`http`]: as much of HTTP as that needs
//! - [`process`]: what the kernel knows about a process
//!
//! What comes out:
//! - [`section`]: the names of the tables
//! - [`figures`]: values and how they are spread; [`units`] for them
//! - [`report`]: tables, Markdown and JSON
//! - [`plot`](mod@plot): pictures
//! - [`budget`]: what may not be exceeded

mod budget;
mod contender;
mod drain;
mod figures;
mod ground;
mod growth;
mod handler;
mod http;
mod instructions;
mod launch;
mod memory;
mod nginx;
mod platform;
mod plot;
mod process;
mod profiler;
mod receiver;
mod relay;
mod report;
mod section;
mod start;
mod tls;
mod units;

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::cargo::{Build, Workspace};
use crate::error::Error;
use crate::port;
use contender::{Contender, Peer};
use figures::Figures;
use ground::{Effort, Ground};
use launch::Launch;
use platform::Platform;
use report::Report;
use section::Section;

/// Few runs: enough for the budgets, too few for comparisons.
const QUICK: Effort = Effort { starts: 12, rounds: 1, profiles: 50 };

/// Measure what the extension costs: start, memory, latency, CPU time, shutdown
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Only this section; may be repeated, or be several with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Section>,
    /// Cold starts of each program
    #[arg(long, default_value_t = 50)]
    starts: usize,
    /// How often everything else takes its turn
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Profiles posted in a turn
    #[arg(long, default_value_t = 200)]
    profiles: usize,
    /// Another extension to measure beside this one: FILE or NAME=FILE; may be repeated
    #[arg(long, value_name = "FILE")]
    peer: Vec<Peer>,
    #[command(flatten)]
    build: Build,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Put the tables into this file, between its marks <!-- bench: SECTION --> and <!-- end of bench: SECTION -->
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw pictures into this folder, as SVG
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Few runs: enough for the budgets, too few for comparisons
    #[arg(long)]
    quick: bool,
    /// Fail when a budget is missed
    #[arg(long)]
    check: bool,
}

// === impl Bench ===

impl Bench {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let ground = self.ground()?;
        let mut figures = Figures::default();
        for section in Section::ALL {
            if !self.only.is_empty() && !self.only.contains(&section) {
                continue;
            }
            match section {
                Section::Start => start::measure(&ground, &mut figures)?,
                Section::Relay => relay::measure(&ground, &mut figures)?,
                Section::Memory => memory::measure(&ground, &mut figures)?,
                Section::Handler => handler::measure(&ground, &mut figures).await?,
                Section::Drain => drain::measure(&ground, &mut figures)?,
                Section::Growth => growth::measure(&ground, &mut figures)?,
            }
        }
        let report = Report::new(figures);
        println!("{}", report.text());
        self.write(&report)?;
        let missed: Vec<String> =
            ground.ours().flat_map(|contender| budget::missed(contender, report.figures())).collect();
        for budget in &missed {
            println!("Over budget: {budget}");
        }
        if self.check && !missed.is_empty() {
            return Err(Error::OverBudget(missed));
        }
        Ok(())
    }

    fn write(&self, report: &Report) -> Result<(), Error> {
        if let Some(file) = &self.json {
            fs::write(file, report.json()?).map_err(Error::io(format!("write {}", file.display())))?;
        }
        if let Some(file) = &self.markdown {
            report.write_markdown(file)?;
        }
        if let Some(folder) = &self.plots {
            plot::draw(report.figures(), folder)?;
        }
        Ok(())
    }

    fn ground(&self) -> Result<Ground, Error> {
        let workspace = Workspace::locate()?;
        let mut contenders: Vec<Contender> = contender::floor(&workspace)?.into_iter().collect();
        contenders.push(Contender::this(self.build.extension()?)?);
        for peer in &self.peer {
            contenders.push(Contender::peer(peer)?);
        }
        contenders.extend(Contender::proxy()?);
        let effort = Effort {
            starts: self.starts.max(3),
            rounds: self.rounds.max(2),
            profiles: self.profiles.max(50),
        };
        Ok(Ground {
            launch: Launch {
                platform: Platform::start().map_err(Error::io("start the Extensions API"))?,
                relay_port: self.relay_port()?,
                folder: workspace.target.join("bench"),
            },
            contenders,
            effort: if self.quick { QUICK } else { effort },
        })
    }

    /// Peers listen on 4040 and nowhere else.
    fn relay_port(&self) -> Result<u16, Error> {
        match port::relay()? {
            port if port == port::RELAY || self.peer.is_empty() => Ok(port),
            _ => Err(Error::PortTaken(port::RELAY)),
        }
    }
}
